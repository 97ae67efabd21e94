"""The history as a file: the filtered events; who takes it is recorded; nothing in it forges a line or a cell."""

import csv
import io
import json

import pytest
from asgiref.sync import async_to_sync

from containers_app.models import AuditEvent
from containers_app.runtime import chain
from tests.builders import an_event

URL = "/audit/export/"


def exported(client, **values):
    response = client.post(URL, values)
    assert response.status_code == 200
    return async_to_sync(_read)(response), response


async def _read(response):
    return b"".join([part async for part in response]).decode()


def test_a_viewer_may_not_export(viewer):
    an_event()
    assert viewer.post(URL).status_code == 403
    assert not AuditEvent.objects.filter(action="audit.exported").exists()


def test_json_lines_are_those_of_a_bundle_so_each_can_be_checked(operator):
    for number in range(3):
        an_event(sentence=f"number {number}")
    text, response = exported(operator, format="jsonl", q="number")
    events = [json.loads(line) for line in text.splitlines()]
    assert [event["sentence"] for event in events] == ["number 0", "number 1", "number 2"]
    assert all(event["digest"] == chain.digest(event) for event in events)
    assert response["Content-Disposition"].startswith('attachment; filename="freezeframe-audit-')


def test_csv_has_a_line_for_each_event_with_its_commands(operator):
    an_event(sentence="killed looper", commands=[["podman", "kill", "a b"]])
    text, _ = exported(operator, format="csv", q="killed")
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["sentence"], row["commands"]) == ("killed looper", "podman kill 'a b'")


@pytest.mark.parametrize(
    "hostile",
    [
        "two\nlines",
        "\r\n1,2,3",
        "\x1b[2Jgone",
        "\u202egnp",
        "=HYPERLINK(1)",
        "+1",
        "-1",
        "@x",
        '"',
        "\u2028x",
        "\x9b31m",
    ],
)
def test_no_text_forges_a_line_a_formula_or_a_terminals_command(operator, hostile):
    an_event(sentence=hostile, action="x.done")
    for kind in ("csv", "jsonl"):
        text, _ = exported(operator, format=kind, action="x.done")
        assert len(text.splitlines()) == (2 if kind == "csv" else 1)
        assert text.replace("\r\n", "").replace("\n", "").isprintable()
    (row,) = csv.DictReader(io.StringIO(exported(operator, format="csv", action="x.done")[0]))
    assert not row["sentence"].startswith(("=", "+", "-", "@"))


def test_that_somebody_took_it_is_in_the_history_with_the_filters(operator):
    an_event()
    exported(operator, format="csv", q="looper", since="2020-01-01")
    event = AuditEvent.objects.get(action="audit.exported")
    assert event.actor_name == "olga" and event.sentence == "exported the history as CSV"
    assert event.details["filters"] == {"q": "looper", "since": "2020-01-01"}


def test_without_a_recorded_event_nothing_is_handed_out(operator, unwritable_history):
    an_event()
    unwritable_history()
    assert operator.post(URL).status_code == 503


def test_it_is_read_a_chunk_at_a_time(operator, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr("containers_app.history.CHUNK", 10)
    for number in range(35):
        an_event(sentence=f"number {number}")
    text, _ = exported(operator, format="jsonl", q="number")
    assert len(text.splitlines()) == 35
