"""The history: who did what."""

from tests.builders import a_checkpoint, a_container, an_event

from .conftest import assert_same_queries, fragment, words

URL = "/audit/"


def sentences(client, **query):
    return [event.sentence for event in client.get(URL, query).context["table"] if event.sentence != "signed in"]


def test_a_stranger_is_asked_to_sign_in(stranger):
    assert stranger.get(URL).status_code == 302


def test_a_viewer_reads_sentences_with_details(viewer):
    an_event(actor_name="mina", address="192.0.2.7", request_id="abc-12345", commands=[["podman", "kill", "looper"]])
    text = words(viewer.get(URL))
    assert "mina checkpointed looper, stopping it" in text
    for detail in ("checkpoint.taken", "192.0.2.7", "abc-12345", "podman kill looper"):
        assert detail in text


def test_the_thing_in_the_sentence_is_a_link(viewer):
    checkpoint = a_checkpoint(name="looper 1", container=a_container(name="looper"))
    an_event(
        sentence="checkpointed looper as looper 1, stopping it",
        container=checkpoint.container,
        container_name="looper",
        checkpoint=checkpoint,
        checkpoint_name="looper 1",
    )
    assert (
        f'checkpointed looper as <a href="/catalog/{checkpoint.pk}/">looper 1</a>' in viewer.get(URL).content.decode()
    )


def test_it_is_filtered_by_words_action_and_container(viewer):
    container = a_container(name="orders")
    an_event(sentence="killed orders", action="container.killed", container=container, container_name="orders")
    an_event(sentence="checkpointed looper", actor_name="jun")
    assert sentences(viewer, q="ORDERS") == ["killed orders"]
    assert sentences(viewer, q="jun") == ["checkpointed looper"]
    assert sentences(viewer, action="container.killed") == ["killed orders"]
    assert sentences(viewer, container=container.pk) == ["killed orders"]
    assert "None fits the filter" in words(viewer.get(URL, {"q": "nobody did this"}))


def test_a_failure_has_a_word(viewer):
    an_event(result="failed")
    assert "failed" in words(viewer.get(URL))


def test_hostile_words_are_text(viewer):
    container = a_container(name="<b>x</b>")
    an_event(
        sentence="removed <b>x</b> <script>y</script>", container=container, container_name="<b>x</b>", actor_name="<i>"
    )
    text = viewer.get(URL).content.decode()
    assert "<script>y" not in text and "<b>x" not in text and "<i>" not in text


def test_an_htmx_request_gets_the_events_alone(viewer):
    assert b"<html" not in fragment(viewer, URL, "audit_table").content


def test_it_takes_as_many_queries_for_one_event_as_for_fifty(viewer):
    an_event(checkpoint=a_checkpoint(), container=a_container())

    def more():
        for _ in range(60):
            an_event(checkpoint=a_checkpoint(), container=a_container())

    assert_same_queries(viewer, URL, more)
    assert "Older" in words(viewer.get(URL))
