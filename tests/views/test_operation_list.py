"""Everything that was asked of the hosts, and what came of it."""

from tests.builders import a_container, a_host, an_operation

from .conftest import assert_same_queries, fragment, words

URL = "/operations/"


def test_a_stranger_is_asked_to_sign_in(stranger):
    assert stranger.get(URL).status_code == 302


def test_a_viewer_sees_them(viewer):
    an_operation(container=a_container(name="looper"), state="succeeded", summary="Checkpointed looper: 35 pages.")
    text = words(viewer.get(URL))
    assert "looper" in text and "Checkpointed looper: 35 pages." in text and "succeeded" in text


def test_every_kind_and_state_can_be_shown(viewer):
    from containers_app.models import Operation

    for kind in Operation.Kind.values:
        for state in Operation.State.values:
            an_operation(kind=kind, state=state)
    text = words(viewer.get(URL))
    assert all(state in text for state in Operation.State.values)


def test_they_are_filtered_by_state_and_text(viewer):
    for state in ("queued", "started", "succeeded", "failed", "lost", "cancelled"):
        an_operation(state=state, container=a_container(name=f"is-{state}"))
    found = lambda **query: {row.state for row in viewer.get(URL, query).context["table"]}  # noqa: E731
    assert found(state="unfinished") == {"queued", "started"}
    assert found(state="failed") == {"failed", "lost"}
    assert found(q="is-cancelled") == {"cancelled"}
    text = words(viewer.get(URL))
    for chip in ("All 6", "Unfinished 2", "Succeeded 1", "Failed 2", "Cancelled 1"):
        assert chip in text


def test_an_empty_list_says_what_will_stand_here(viewer):
    assert "No operation here" in words(viewer.get(URL))


def test_bytes_that_go_by_are_told(viewer):
    from tests.builders import ago

    an_operation(
        state="started",
        phases=[{"name": "archiving", "at": ago(seconds=3).isoformat()}],
        progress_bytes=742 * 2**20,
        expected_bytes=1190 * 2**20,
    )
    assert "archiving · 742 MiB of 1.16 GiB" in words(viewer.get(URL))


def test_an_htmx_request_gets_the_table_alone(viewer):
    an_operation()
    assert b"<html" not in fragment(viewer, URL, "operation_table").content


def test_it_takes_as_many_queries_for_one_row_as_for_fifty(viewer):
    an_operation()

    def more():
        for number in range(50):
            an_operation(state="succeeded")
            an_operation(container=None, kind="create", target_name=f"new-{number}", host=a_host())

    assert_same_queries(viewer, URL, more)
