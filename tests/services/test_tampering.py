"""What was done to the history past every rule (the triggers are gone here) is found, with its kind and its place."""

from contextlib import contextmanager

import pytest
from django.db import connection, models, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from containers_app.migrations import _append_only
from containers_app.models import AuditEvent, AuditHead
from containers_app.runtime import chain
from containers_app.services import audit, evidence
from tests.builders import a_container, an_event, an_operation, an_operator

pytestmark = pytest.mark.django_db

COUNT, EARLIER = 9, 4  # events in the history; the earlier head's place (the later one is at the end)
CHAINED = {"sequence", "previous", "digest"}
places = st.integers(1, COUNT)
examples = hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


@pytest.fixture(autouse=True)
def history(settings, tmp_path):
    """COUNT events, each field of them in use, and two heads that were sent away as well."""
    settings.AUDIT_KEY_FILE, settings.AUDIT_HEADS_FILE = tmp_path / "key", tmp_path / "heads.jsonl"
    user, container = an_operator(), a_container()
    operation = an_operation(container=container)
    for number in range(1, COUNT + 1):
        an_event(
            sentence=f"number {number}", actor=user, address=f"192.0.2.{number}", container=container,
            operation=operation, commands=[["podman", str(number)]], details={"n": number},
        )  # fmt: skip
        if number in {EARLIER, COUNT}:
            evidence.sign_head()
            evidence.send_heads()


@contextmanager
def tampering():
    """The rows of the tables as whoever owns the database sees them; everything is undone at the end."""
    mark = transaction.savepoint()
    connection.check_constraints()  # PostgreSQL drops no trigger while foreign keys wait to be looked at
    for model in (AuditEvent, AuditHead):
        _append_only.release(connection.schema_editor(), model._meta.db_table)
    try:
        yield models.QuerySet(AuditEvent)
    finally:
        transaction.savepoint_rollback(mark)


def found():
    finding = evidence.verify().finding
    return finding and (finding.kind, finding.first, finding.last)


def move(rows, old, new):
    assert rows.filter(pk=old).update(sequence=new) == 1


def other_value(event, name):
    value = getattr(event, name)
    match value:
        case int():
            return value + 1000
        case list() | dict():
            return [{"other": value}]
        case None:
            return {"checkpoint_id": 7, "team_id": 7}.get(name, {"other": True})
        case str():
            return "2001:db8::1" if name == "address" else "0" * 64 if value != "0" * 64 else "1" * 64
    return value.replace(microsecond=(value.microsecond + 1) % 1_000_000)


def test_an_untouched_history_is_whole_and_covered():
    report = evidence.verify()
    assert (report.finding, report.events, report.covered, report.heads) == (None, COUNT, COUNT, 4)


def test_what_came_after_the_last_head_is_not_covered():
    an_event()
    report = evidence.verify()
    assert report.finding is None and report.not_covered == 1
    assert f"not covered: event {COUNT + 1} " in str(report)


@examples
@given(place=places, name=st.sampled_from([name for name in audit.FIELDS if name != "sequence"]))
def test_one_changed_field_of_one_event_is_found(place, name):
    with tampering() as rows:
        value = other_value(rows.get(pk=place), name)
        if connection.vendor == "postgresql" and isinstance(value, str):
            value = value[: AuditEvent._meta.get_field(name).max_length]
        assert rows.filter(pk=place).update(**{name: value}) == 1
        assert found() == ("changed", place, place)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL's columns hold their own types only")
@pytest.mark.parametrize("at", ["2026-13-45 00:00:00", "yesterday", "", 7])
def test_a_time_that_is_none_is_a_change(at):
    with tampering(), connection.cursor() as cursor:
        cursor.execute("UPDATE containers_app_auditevent SET at = %s WHERE sequence = 3", [at])
        assert found() == ("changed", 3, 3)


@examples
@given(place=places, new=st.sampled_from([0, COUNT + 1, 99]))
def test_a_changed_place_is_found(place, new):
    with tampering() as rows:
        move(rows, place, new)
        first = 1 if new == 0 else place
        kind = "changed" if (place == 1 and new == 0) or (place == COUNT and new) else "reordered"
        assert found()[:2] == (kind, first)


@examples
@given(first=st.integers(1, COUNT - 1), count=st.integers(1, 3), numbered_anew=st.booleans())
def test_deleted_events_are_found(first, count, numbered_anew):
    with tampering() as rows:
        last = min(first + count - 1, COUNT - 1)
        rows.filter(pk__range=(first, last)).delete()
        for place in range(last + 1, COUNT + 1) if numbered_anew else ():
            move(rows, place, place - (last - first + 1))
        assert found() == ("deleted", first, last)


@examples
@given(pair=st.lists(places, min_size=2, max_size=2, unique=True).map(sorted), whole=st.booleans())
def test_two_swapped_events_are_found(pair, whole):
    with tampering() as rows:
        first, second = pair
        if whole:
            move(rows, first, 0)
            move(rows, second, first)
            move(rows, 0, second)
        else:
            contents = {row.pop("sequence"): row for row in rows.values()}
            for target, source in ((first, second), (second, first)):
                kept = {name: value for name, value in contents[source].items() if name not in CHAINED}
                rows.filter(pk=target).update(**kept)
        assert found() == ("reordered", first, first)


@examples
@given(place=places, forged=st.sampled_from(["nothing", "link", "digest", "copy"]))
def test_an_inserted_event_is_found(place, forged):
    with tampering() as rows:
        for later in range(COUNT, place - 1, -1):
            move(rows, later, later + 1)
        event = rows.order_by("pk" if place > 1 else "-pk").first()
        event._state.adding, event.sequence = True, place
        if forged != "copy":
            event.sentence, event.previous, event.digest = "forged", "a" * 64, "b" * 64
        if forged in {"link", "digest"}:
            event.previous = rows.get(pk=place - 1).digest if place > 1 else chain.ZERO
        if forged == "digest":
            event.digest = chain.digest(audit.as_written({name: getattr(event, name) for name in audit.FIELDS}))
        event.save(force_insert=True)
        assert found() == ("inserted", place, place)


@examples
@given(last=st.integers(0, COUNT - 1))
def test_a_cut_tail_is_found(last):
    with tampering() as rows:
        rows.filter(pk__gt=last).delete()
        assert found() == ("truncated", last + 1, COUNT)


def roll_back(rows):
    rows.filter(pk__gt=EARLIER).delete()
    models.QuerySet(AuditHead).filter(sequence__gt=EARLIER).delete()


def test_an_older_copy_of_the_database_is_found_by_the_heads_that_were_sent_away():
    with tampering() as rows:
        roll_back(rows)
        assert found() == ("rolled back", EARLIER + 1, COUNT)


def test_an_older_copy_that_was_written_on_is_found_too(settings):
    with tampering() as rows:
        roll_back(rows)
        kept = settings.AUDIT_HEADS_FILE.read_text()
        for _ in range(COUNT):
            an_event(sentence="in another world")
        evidence.sign_head()
        assert found() == ("rolled back", EARLIER + 1, COUNT)
        settings.AUDIT_HEADS_FILE.write_text(kept)


@examples
@given(place=places)
def test_a_history_that_was_written_anew_is_found_between_two_heads(place):
    with tampering() as rows:
        tip = rows.get(pk=place).previous
        for number in range(place, COUNT + 1):
            event = rows.get(pk=number)
            event.previous, event.actor_name = tip, "somebody else"
            tip = chain.digest(audit.as_written({name: getattr(event, name) for name in audit.FIELDS}))
            rows.filter(pk=number).update(previous=event.previous, digest=tip, actor_name="somebody else")
        assert found() == ("rewritten", *((1, EARLIER) if place <= EARLIER else (EARLIER + 1, COUNT)))


@examples
@given(place=st.integers(1, COUNT - 1))
def test_a_changed_event_with_a_digest_to_match_is_found(place):
    with tampering() as rows:
        event = rows.get(pk=place)
        event.sentence = "nothing happened"
        right = chain.digest(audit.as_written({name: getattr(event, name) for name in audit.FIELDS}))
        rows.filter(pk=place).update(sentence=event.sentence, digest=right)
        assert found() == ("changed", place, place)


def test_a_head_that_the_key_did_not_sign_proves_nothing():
    with tampering():
        models.QuerySet(AuditHead).filter(sequence=COUNT).update(signature="00" * 64)
        assert found() == ("signature", COUNT, COUNT)
