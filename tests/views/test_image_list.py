"""The images that are there."""

from tests.builders import a_container, a_host, ago, an_image

from .conftest import assert_same_queries, fragment, words

URL = "/images/"


def test_a_stranger_is_asked_to_sign_in(stranger):
    assert stranger.get(URL).status_code == 302


def test_a_viewer_sees_names_sizes_and_who_uses_them(viewer):
    image = an_image(names=["docker.io/library/redis:7"], size_bytes=138_000_000)
    a_container(image_id=image.image_id)
    a_container(image_id=image.image_id, removed_at=ago(days=1))
    a_container(image_id=image.image_id, host=a_host("second"))
    an_image(names=[], size_bytes=100)
    text = words(viewer.get(URL))
    assert "redis 7" in text and "132 MiB" in text and "1 container" in text and "no name" in text


def test_what_was_removed_is_not_listed(viewer):
    an_image(removed_at=ago(days=1))
    assert "No image here" in words(viewer.get(URL))


def test_they_are_filtered_by_name_id_and_host(viewer):
    one, other = an_image(names=["localhost/one:1"]), an_image(names=["localhost/other:1"], host=a_host("second"))
    found = lambda **query: [image.pk for image in viewer.get(URL, query).context["table"]]  # noqa: E731
    assert found(q="ONE") == [one.pk] and found(q=other.image_id[:8]) == [other.pk]
    assert found(host=other.host.pk) == [other.pk]


def test_an_htmx_request_gets_the_table_alone(viewer):
    assert b"<html" not in fragment(viewer, URL, "image_table").content


def test_it_takes_as_many_queries_for_one_row_as_for_fifty(viewer):
    an_image()

    def more():
        for _ in range(60):
            a_container(image_id=an_image().image_id)

    assert_same_queries(viewer, URL, more)
