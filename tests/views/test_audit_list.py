"""The history: who did what."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from containers_app import history
from containers_app.models import AuditVerification
from tests.builders import a_checkpoint, a_container, a_person, a_team, ago, an_event

from .conftest import assert_same_queries, fragment, words
from .test_audit_export import exported

URL = "/audit/"


def sentences(client, **query):
    return [event.sentence for event in client.get(URL, query).context["table"].events if event.sentence != "signed in"]


def test_a_stranger_is_asked_to_sign_in(stranger):
    assert stranger.get(URL).status_code == 302


def test_a_viewer_reads_sentences_with_details(auditor):
    an_event(actor_name="mina", address="192.0.2.7", request_id="abc-12345", commands=[["podman", "kill", "looper"]])
    text = words(auditor.get(URL))
    assert "mina checkpointed looper, stopping it" in text
    for detail in ("checkpoint.taken", "192.0.2.7", "abc-12345", "podman kill looper"):
        assert detail in text


def test_the_thing_in_the_sentence_is_a_link(auditor):
    checkpoint = a_checkpoint(name="looper 1", container=a_container(name="looper"))
    an_event(
        sentence="checkpointed looper as looper 1, stopping it",
        container=checkpoint.container,
        container_name="looper",
        checkpoint=checkpoint,
        checkpoint_name="looper 1",
    )
    assert (
        f'checkpointed looper as <a href="/catalog/{checkpoint.pk}/">looper 1</a>' in auditor.get(URL).content.decode()
    )


def test_it_is_filtered_by_words_and_by_each_thing(auditor):
    container, checkpoint = a_container(name="orders"), a_checkpoint()
    an_event(sentence="killed orders", action="container.killed", container=container, container_name="orders")
    an_event(
        sentence="checkpointed looper-2",
        actor_name="jun",
        result="failed",
        host_name="beta",
        checkpoint=checkpoint,
        image_name="docker.io/library/redis:7",
        commands=[["podman", "container", "checkpoint", "--tcp-established", "looper-2"]],
    )
    killed, taken = ["killed orders"], ["checkpointed looper-2"]
    assert sentences(auditor, q="ORDERS") == sentences(auditor, q="kill ord") == killed
    for q in ("jun", "looper-2", "beta", "redis:7", "--tcp-established", "checkpoint jun"):
        assert sentences(auditor, q=q) == taken, q
    assert sentences(auditor, action="container.killed") == sentences(auditor, container=container.pk) == killed
    for query in ({"who": "jun"}, {"result": "failed"}, {"host": "beta"}, {"checkpoint": checkpoint.pk}):
        assert sentences(auditor, **query) == taken, query
    assert sentences(auditor, image="docker.io/library/redis:7") == taken
    assert sentences(auditor, who="jun", action="container.killed") == []


@pytest.mark.parametrize("q", ["nobody did this", "'", '"', "*", "a' OR 1=1 --", "NOT AND", "💥", "\\"])
def test_words_that_nothing_has_find_nothing(auditor, q):
    an_event()
    assert sentences(auditor, q=q) == []
    assert "None fits the filter" in words(auditor.get(URL, {"q": q}))


def test_it_is_filtered_by_days_both_included(auditor):
    for day in (1, 2, 3, 4):
        an_event(at=datetime(2026, 3, day, 23, 59, 59, tzinfo=UTC), sentence=f"day {day}")
    assert sentences(auditor, since="2026-03-02", until="2026-03-03") == ["day 3", "day 2"]
    assert sentences(auditor, until="2026-03-01") == ["day 1"]
    assert sentences(auditor, until="2026-02-28") == []
    assert sentences(auditor, since="2026-03-04") == ["day 4"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"since": "yesterday"}, "Since: Enter a valid date"),
        ({"since": "2026-03-02", "until": "2026-03-01"}, "It ends before it begins."),
        ({"container": "x"}, "Container: Enter a whole number"),
        ({"before": "-1"}, "Before:"),
        ({"who": "\0"}, "Null characters are not allowed"),
    ],
)
def test_a_filter_that_cannot_be_used_filters_nothing_and_says_so(auditor, query, said):
    an_event(sentence="did it")
    response = auditor.get(URL, query)
    assert response.status_code == 200 and said in words(response)
    assert "did it" in words(response)


def test_pages_go_by_place_and_lose_nothing(auditor):
    for number in range(120):
        an_event(sentence=f"number {number}")
    query, seen = {"q": "number"}, []
    while True:
        table = auditor.get(URL, query).context["table"]
        seen += [event.sentence for event in table.events]
        if table.older is None:
            break
        query = {"q": "number", "before": table.older}
    assert seen == [f"number {number}" for number in reversed(range(120))]
    newer = auditor.get(URL, {"q": "number", "after": table.newer}).context["table"]
    assert [event.sentence for event in newer.events] == [f"number {number}" for number in reversed(range(20, 70))]
    assert newer.newer and newer.older


def test_a_day_of_the_strip_has_its_count_and_leads_to_its_events(db):
    today = timezone.now()
    for days, count in ((70, 4), (59, 2), (1, 1), (0, 3)):
        for _ in range(count):
            an_event(at=today - timedelta(days=days))
    days = history.days(a_person("auditor"))
    assert [day.count for day in days if day.count] == [2, 1, 3]
    assert days[0].count == 2 and days[-1].level == 10
    client = Client()
    client.force_login(a_person("auditor"))
    yesterday = (today - timedelta(days=1)).date()
    assert f"since={yesterday}&amp;until={yesterday}" in client.get(URL).content.decode()


def test_the_strip_of_an_empty_history_and_of_an_old_day_are_shown(auditor):
    assert len(auditor.get(URL, {"until": "2001-01-01"}).context["days"]) == 60


def test_what_changed_is_shown_before_and_after(auditor):
    an_event(before={"note": "cold"}, after={"note": "warm", "tags": ["a", "b"]}, details={"forced": True})
    text = words(auditor.get(URL))
    assert "Before note: cold After note: warm; tags: a, b" in text and "Forced yes" in text


def test_who_may_not_export_is_not_offered_it(reader, operator):
    assert "JSON Lines" not in words(reader.get(URL))
    assert "JSON Lines" in words(operator.get(URL))


def test_the_last_verification_is_shown(auditor):
    assert "not verified yet" in words(auditor.get(URL))
    AuditVerification.objects.create(asked_at=ago(minutes=3), finished_at=ago(minutes=3), events=12)
    assert "whole verified 3 min ago" in words(auditor.get(URL))
    AuditVerification.objects.create(asked_at=ago(minutes=1), finished_at=ago(minutes=1), kind="changed")
    assert "not whole found 1 min ago" in words(auditor.get(URL))


def test_a_failure_has_a_word(auditor):
    an_event(result="failed")
    assert "failed" in words(auditor.get(URL))


def test_hostile_words_are_text(auditor):
    container = a_container(name="<b>x</b>")
    an_event(
        sentence="removed <b>x</b> <script>y</script>", container=container, container_name="<b>x</b>", actor_name="<i>"
    )
    text = auditor.get(URL).content.decode()
    assert "<script>y" not in text and "<b>x" not in text and "<i>" not in text


def test_an_htmx_request_gets_the_events_alone(auditor):
    assert b"<html" not in fragment(auditor, URL, "audit_table").content


def test_it_takes_as_many_queries_for_one_event_as_for_fifty(auditor):
    an_event(checkpoint=a_checkpoint(), container=a_container())

    def more():
        for _ in range(60):
            an_event(checkpoint=a_checkpoint(), container=a_container())

    assert_same_queries(auditor, URL, more)
    assert "Older" in words(auditor.get(URL))


def test_who_only_looks_has_no_audit_page(viewer):
    assert viewer.get(URL).status_code == 403
    assert "Audit" not in words(viewer.get("/"))


def test_a_teams_auditor_reads_the_events_of_what_the_team_owns(client, db):
    red, blue = a_team(), a_team()
    an_event(sentence="started a red one", team=red, actor_name="rolf")
    an_event(sentence="started a blue one", team=blue, actor_name="bob")
    an_event(sentence="added a host", team=None, actor_name="ada")
    client.force_login(a_person("auditor", team=red))
    page = client.get(URL)
    assert [event.sentence for event in page.context["table"].events] == ["started a red one"]
    assert page.context["choices"]["who"] == ["rolf"] and sum(day.count for day in page.context["days"]) == 1
    written, _ = exported(client, format="jsonl")
    assert "a red one" in written and "a blue one" not in written and "added a host" not in written
