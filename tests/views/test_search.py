"""The search of the top bar."""

from tests.builders import a_checkpoint, a_container, an_operation

from .conftest import assert_same_queries, words

URL = "/search/"


def test_a_stranger_is_asked_to_sign_in(stranger):
    assert stranger.get(URL, {"q": "x"}).status_code == 302


def test_it_finds_containers_checkpoints_and_operations(viewer):
    checkpoint = a_checkpoint(name="warm looper", container=a_container(name="looper"))
    text = viewer.get(URL, {"q": "LOOPER"}).content.decode()
    assert f"/containers/{checkpoint.container.pk}/" in text and f"/catalog/{checkpoint.pk}/" in text
    assert f"/operations/{checkpoint.operation.pk}/" in text and "1 container," in words(
        viewer.get(URL, {"q": "looper"})
    )


def test_an_id_can_be_pasted(viewer):
    container = a_container(name="x")
    assert container in viewer.get(URL, {"q": container.container_id}).context["containers"]


def test_nothing_typed_and_nothing_found_are_told(viewer):
    a_container()
    assert "Type a name" in words(viewer.get(URL))
    assert "Nothing has that" in words(viewer.get(URL, {"q": "zzz"}))


def test_hostile_words_are_text(viewer):
    assert b"<script>x" not in viewer.get(URL, {"q": '"><script>x</script>'}).content


def test_it_takes_as_many_queries_for_one_of_each_as_for_fifty(viewer):
    a_checkpoint(container=a_container(name="looper"))

    def more():
        for number in range(50):
            a_checkpoint(name=f"looper {number}")
            an_operation(container=None, kind="create", target_name=f"looper-{number}", state="succeeded")

    assert_same_queries(viewer, f"{URL}?q=looper", more)
