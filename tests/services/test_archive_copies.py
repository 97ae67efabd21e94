"""Archives on their way to a reader: never far ahead, forgotten when nobody reads, errors as they are."""

import io
import threading

import pytest

from containers_app.errors import ArchiveError, NotAllowed, Unavailable
from containers_app.services import archive_copies
from containers_app.services.archive_copies import BLOCKS, BYTES, END, VERIFIED, VERIFYING, Copy
from tests.builders import a_checkpoint, a_user
from tests.relay import Lists, relay


@pytest.fixture
def lists(monkeypatch):
    lists = Lists()
    monkeypatch.setattr(archive_copies, "client", lambda: lists)
    monkeypatch.setattr(archive_copies, "PATIENCE", 0.3)
    monkeypatch.setattr(archive_copies, "BLOCK", 10)
    return lists


def sent(content, start=0, stop=None):
    """A thread that sends `content` as an agent does."""
    key, told = f"{BLOCKS}t", []

    def run():
        try:
            archive_copies._send_range(io.BytesIO(content), start, stop, key, threading.Event())
            archive_copies._put(key, END, threading.Event())
        except archive_copies._Abandoned as error:
            told.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, told


def test_all_of_it_comes_in_order_and_never_more_than_a_few_blocks_wait(lists):
    content = bytes(range(250)) * 4
    thread, _ = sent(content)
    copy, got = Copy("t"), b""
    while block := copy.read():
        got += block
    thread.join()
    assert got == content and copy.read() == b""
    assert lists.most <= archive_copies.WAITING


def test_a_range_is_that_part(lists):
    sent(b"0123456789" * 5, 7, 33)
    copy = Copy("t")
    assert b"".join(iter(copy.read, b"")) == (b"0123456789" * 5)[7:33]


def test_what_nobody_fetches_is_forgotten(lists):
    thread, told = sent(b"x" * 1000)
    thread.join(timeout=5)
    assert told and lists.llen(f"{BLOCKS}t") == 0


def test_an_agent_that_falls_silent_is_said(lists):
    lists.rpush(f"{BLOCKS}t", BYTES + b"one")
    copy = Copy("t")
    assert copy.read() == b"one"
    with pytest.raises(Unavailable, match="does not come"):
        copy.read()


def test_signs_of_life_are_waited_through_and_errors_are_raised_as_they_are(lists):
    for message in (VERIFYING + b"1", VERIFYING + b"2", VERIFIED):
        lists.rpush(f"{BLOCKS}t", message)
    assert Copy("t").next() == VERIFIED
    archive_copies._say_wrong(f"{BLOCKS}t", ArchiveError("It is damaged.", remedy="Use another."), threading.Event())
    with pytest.raises(ArchiveError, match="It is damaged") as caught:
        Copy("t").next()
    assert caught.value.remedy == "Use another."


@pytest.mark.django_db
def test_the_agent_asks_for_the_right_again(monkeypatch):
    relay(monkeypatch)
    with pytest.raises(NotAllowed):
        archive_copies.request_copy(user=a_user(), checkpoint=a_checkpoint())


@pytest.mark.django_db
def test_without_an_agent_it_is_unavailable(lists):
    with pytest.raises(Unavailable):
        archive_copies.request_copy(user=a_user(), checkpoint=a_checkpoint())
