"""What is in the way of a checkpoint: a part of its form, and a page of its own."""

import pytest

from containers_app.errors import Unavailable
from containers_app.runtime.preflight import Finding
from containers_app.services import preflights
from tests.builders import a_container

from .conftest import fragment, queries, words

BLOCKED = Finding("tcp-established", "1 open TCP connection", "block", "a > b.", "Tick it.", "tcp_established")
NEVER = Finding("host-ipc", "It shares the host's /dev/shm", "block", "It would roll back.", forceable=False)
FINE = Finding("memory", "7 MiB of memory in 2 processes")


@pytest.fixture
def answers(monkeypatch):
    """A function that says what the agent answers; it returns the list of the options that it is asked with."""

    def will_be(*findings):
        asked = []

        def ask(container, options):
            asked.append(options)
            return [finding.as_json() for finding in findings]

        monkeypatch.setattr(preflights, "ask_checkpoint", ask)
        return asked

    return will_be


def url(container):
    return f"/containers/{container.pk}/preflight/"


def test_what_blocks_stands_with_its_cure_and_may_be_forced(operator, answers):
    asked = answers(BLOCKED, FINE)
    response = fragment(operator, url(a_container()), "preflight", file_locks="on")
    text = response.content.decode()
    assert "1 open TCP connection" in text and 'data-cure="id_tcp_established"' in text and "1 point passed" in text
    assert 'name="forced"' in text and "<html" not in text
    assert asked[0].file_locks and not asked[0].tcp_established


def test_what_cannot_be_forced_offers_no_box(operator, answers):
    answers(BLOCKED, NEVER)
    assert b'name="forced"' not in operator.get(url(a_container())).content


def test_nothing_in_the_way_says_so(operator, answers):
    answers(FINE)
    assert "Nothing is in the way" in words(operator.get(url(a_container())))


def test_an_agent_that_does_not_answer_is_told_and_the_form_goes_on(operator, monkeypatch):
    def away(container, options):
        raise Unavailable("The agent of local is away.")

    monkeypatch.setattr(preflights, "ask_checkpoint", away)
    container = a_container()
    assert "could not be looked at now: The agent of local is away." in words(operator.get(url(container)))
    assert "preflight" in operator.get(f"/containers/{container.pk}/checkpoint/").content.decode()


def test_a_viewer_may_not_and_it_takes_few_queries(viewer, operator, answers):
    answers(FINE)
    container = a_container()
    assert viewer.get(url(container)).status_code == 403
    assert queries(operator, url(container)) <= 12
