"""The catalog: which checkpoints there are."""

from tests.builders import a_checkpoint, a_container, a_host

from .conftest import assert_same_queries, fragment, words

URL = "/catalog/"


def names(client, **query):
    return [row.name for row in client.get(URL, query).context["table"]]


def test_a_stranger_is_asked_to_sign_in(stranger):
    assert stranger.get(URL).status_code == 302


def test_a_viewer_sees_it_without_a_restore_that_works(viewer):
    checkpoint = a_checkpoint(name="warm")
    text = viewer.get(URL).content.decode()
    assert "warm" in text and f"/catalog/{checkpoint.pk}/restore/" not in text


def test_an_operator_can_restore_from_it(operator):
    checkpoint = a_checkpoint(name="warm", tags=["redis"])
    text = operator.get(URL).content.decode()
    assert f'hx-get="/catalog/{checkpoint.pk}/restore/"' in text and "redis" in text


def test_an_empty_catalog_says_how_it_fills(operator):
    assert "The catalog is empty" in words(operator.get(URL))


def test_it_counts_what_lies_in_it(operator):
    for _ in range(2):
        a_checkpoint(unpacked_bytes=3 * 2**20, archive_bytes=2**19)
    assert "2 checkpoints, 6.0 MiB of memory and files, 1.0 MiB stored" in words(operator.get(URL))


def test_it_is_searched_by_name_note_container_image_and_tag(operator):
    a_checkpoint(name="warm one")
    a_checkpoint(name="b", note="before the DEPLOY")
    a_checkpoint(name="c", container=a_container(name="orders"))
    a_checkpoint(name="d", image_name="docker.io/library/redis:7")
    a_checkpoint(name="e", tags=["release-4", "release-5"])
    assert names(operator, q="warm") == ["warm one"]
    assert names(operator, q="deploy") == ["b"]
    assert names(operator, q="orders") == ["c"]
    assert names(operator, q="redis") == ["d"]
    assert names(operator, q="release") == ["e"]
    assert names(operator, q="no such thing") == []
    assert names(operator, q="nul\0byte") == []


def test_it_is_limited_to_one_container_or_host(operator):
    one, other = a_checkpoint(name="one"), a_checkpoint(name="other", container=a_container(host=a_host("second")))
    assert names(operator, container=one.container.pk) == ["one"]
    assert names(operator, host=other.host.pk) == ["other"]
    assert names(operator, container="x") == ["other", "one"]


def test_it_is_sorted_as_asked(operator):
    a_checkpoint(name="b", archive_bytes=10, statistics={"frozen_time": 900_000})
    a_checkpoint(name="a", archive_bytes=30, statistics={"frozen_time": 5})
    a_checkpoint(name="c", archive_bytes=20, statistics={"frozen_time": 20_000})
    assert names(operator, sort="name") == ["a", "b", "c"]
    assert names(operator, sort="largest") == ["a", "c", "b"]
    assert names(operator, sort="frozen") == ["b", "c", "a"]
    assert names(operator, sort="oldest") == names(operator, sort="nonsense")[::-1]


def test_hostile_names_are_text(operator):
    a_checkpoint(name="<script>n</script>", note="<img src=x>", container=a_container(name="<b>"))
    text = operator.get(URL).content.decode()
    assert "<script>n" not in text and "<img src" not in text


def test_an_htmx_request_gets_the_table_alone(operator):
    a_checkpoint(name="warm")
    response = fragment(operator, URL, "checkpoint_table", q="warm")
    assert b"warm" in response.content and b"<html" not in response.content


def test_it_takes_as_many_queries_for_one_row_as_for_fifty(operator):
    a_checkpoint(tags=["one"])

    def more():
        for number in range(50):
            a_checkpoint(tags=[f"tag-{number}"])

    assert_same_queries(operator, URL, more)
    assert "51" in words(operator.get(URL))
