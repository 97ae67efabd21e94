"""How the operations of one press ended, on one page that follows them."""

import uuid

from tests.builders import a_container, an_operation

from .conftest import assert_same_queries, fragment, words


def test_it_tells_how_many_ended_how(viewer):
    batch = uuid.uuid4()
    for state in ("succeeded", "succeeded", "failed", "queued"):
        an_operation(batch=batch, state=state, kind="kill")
    text = words(viewer.get(f"/operations/batch/{batch}/"))
    assert "Kill 4 containers" in text and "1 queued 2 succeeded 1 failed" in text


def test_it_follows_them(viewer):
    batch = an_operation(batch=uuid.uuid4()).batch
    text = viewer.get(f"/operations/batch/{batch}/").content.decode()
    assert 'hx-trigger="sse:operations"' in text
    part = fragment(viewer, f"/operations/batch/{batch}/", "batch_now").content
    assert b"<html" not in part and b"1 queued" in part


def test_what_nobody_pressed_is_not_found_and_a_stranger_is_asked_to_sign_in(viewer, stranger):
    url = f"/operations/batch/{uuid.uuid4()}/"
    assert viewer.get(url).status_code == 404 and stranger.get(url).status_code == 302


def test_it_takes_as_many_queries_for_one_as_for_fifty(viewer):
    batch = an_operation(batch=uuid.uuid4()).batch
    more = lambda: [an_operation(batch=batch, container=a_container()) for _ in range(50)]  # noqa: E731
    assert_same_queries(viewer, f"/operations/batch/{batch}/", more)
