"""The event stream's memory: each signal once however often it came, log lines in order and bounded."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.http import Http404

from containers_app import access, signals
from containers_app.services import doorbell
from tests.builders import a_container, a_person, a_team, an_admin, an_outsider


def listen(channel, *messages, timeout=5):
    async def scenario():
        listener = signals.Listener(channel)
        for message in messages:
            listener.put(*message)
        return await listener.next(timeout=timeout)

    # In a thread of its own: the browser tests' Playwright keeps a loop running in the tests' thread.
    with ThreadPoolExecutor() as threads:
        return threads.submit(lambda: asyncio.run(scenario())).result()


def test_a_signal_that_came_often_is_sent_once():
    assert listen(None, *[(doorbell.SIGNALS, "containers@3")] * 100) == [("containers", "1", 3)]


def test_log_lines_come_in_order_after_the_signals():
    events = listen("log:7", ("log:7", "a"), (doorbell.SIGNALS, "containers@3"), ("log:7", "b"))
    assert events == [("containers", "1", 3), ("log", "a", None), ("log", "b", None)]


def test_another_containers_log_is_not_ours():
    assert listen("log:7", ("log:8", "secret"), timeout=0.05) == []


def test_a_page_that_does_not_read_keeps_the_last_thousand_lines():
    events = listen("log:7", *[("log:7", str(number)) for number in range(5000)])
    assert [data for _, data, _ in events] == [str(number) for number in range(4000, 5000)]


def test_silence_ends_with_nothing():
    assert listen(None, timeout=0.05) == []


@pytest.mark.django_db
def test_a_person_is_told_of_what_their_teams_own_and_of_what_all_share():
    red, blue = a_team(), a_team()
    vera, lea = a_person("viewer", team=red), a_person("auditor", team=red)
    events = [("containers", "1", red.pk), ("containers", "1", blue.pk), ("operation-7", "1", blue.pk)]
    events += [("hosts", "1", None), ("audit", "1", red.pk), ("audit", "1", None)]

    assert told(vera, events) == ["containers", "hosts"]
    assert told(lea, events) == ["containers", "hosts", "audit"]
    assert told(a_person("auditor"), events) == ["hosts", "audit"]
    assert told(an_admin(), events) == ["containers", "operation-7", "hosts", "audit"]
    assert told(an_outsider(), events) == []


def told(person, events):
    access.rights_on(person)
    return re.findall("event: (.*)", signals._written(person, events))


@pytest.mark.django_db
def test_who_listens_is_looked_at_anew(client):
    red = a_team()
    container, vera = a_container(team=red), a_person("viewer", team=red)
    client.force_login(vera)
    key = client.session.session_key
    assert signals._look(key, container.pk) == (vera, container)

    vera.memberships.all().delete()
    with pytest.raises(Http404):
        signals._look(key, container.pk)
    assert signals._look(key, None)[0] == vera

    client.logout()
    with pytest.raises(Http404):
        signals._look(key, None)


def test_a_change_of_people_is_noticed_by_every_page():
    listener = signals.Listener(None)
    listener.put(doorbell.SIGNALS, "hosts@")
    assert not listener.people_changed
    listener.put(doorbell.SIGNALS, "people@")
    assert listener.people_changed
