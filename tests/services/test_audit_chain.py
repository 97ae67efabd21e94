"""The chain of events: every field is held, whatever the database; writers queue; older events are chained too."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from hypothesis import given, settings
from hypothesis import strategies as st

from containers_app.models import AuditEvent
from containers_app.runtime import chain
from containers_app.services import audit
from tests.builders import a_checkpoint, a_container, an_event, an_operator

WRITERS = 16

texts = st.text(st.characters(exclude_categories=())) | st.sampled_from(["\0", "\ud800x", "\ud83d\ude00", "\u2028"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def independent_digest(event):
    """The digest as docs/audit.md says it, from the row alone and without a line of the application."""
    body = {}
    for field in AuditEvent._meta.concrete_fields:
        value = getattr(event, field.attname)
        if field.name in {"previous", "digest"} or value is None:
            continue
        body[field.attname] = value.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if isinstance(value, datetime) else value
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256((event.previous + text).encode("utf-8")).hexdigest()


def is_one_chain():
    tip = "0" * 64
    for place, event in enumerate(AuditEvent.objects.order_by("sequence"), 1):
        assert (event.sequence, event.previous, event.digest) == (place, tip, independent_digest(event))
        tip = event.digest
    return AuditEvent.objects.count()


@pytest.mark.django_db
def test_events_form_a_chain_from_one_on():
    by = audit.Caller(user=an_operator("mina"), address="192.0.2.7", authenticated="password", request_id="abc")
    checkpoint = a_checkpoint()
    for number in range(3):
        audit.record(
            by=by, action="x.done", sentence=f"did {number}", checkpoint=checkpoint, before=[1], after={"a": 2}
        )
    event = AuditEvent.objects.first()
    assert is_one_chain() == 3
    assert (event.actor_role, event.authenticated, event.image_name) == (
        "operator",
        "password",
        checkpoint.image_name,
    )
    assert (event.before, event.after) == ([1], {"a": 2})


@pytest.mark.django_db
@settings(max_examples=60, deadline=None)
@given(text=texts, details=st.dictionaries(texts, values, max_size=3))
def test_any_text_and_any_json_come_back_as_they_were_chained(text, details):
    an_event(sentence=text, details=details)
    assert is_one_chain()


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["192.0.2.7", "2001:0DB8::1", "::ffff:192.0.2.7", "::192.0.2.7"])
def test_an_address_holds_in_every_spelling(address):
    an_event(address=address)
    (kept,) = AuditEvent.objects.values()
    assert chain.digest(audit.as_written(kept)) == kept["digest"]


def test_sixteen_writers_at_once_give_one_chain(own_database):
    def write(number):
        try:
            for step in range(5):
                audit.record(by=audit.Caller(), action="x.done", sentence=f"writer {number}, step {step}")
        finally:
            connection.close()

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    assert is_one_chain() == 5 * WRITERS


def test_events_of_before_the_chain_are_chained_by_the_migration(bare_database):
    executor = MigrationExecutor(connection)
    executor.migrate([("containers_app", "0002_audit_append_only")])
    old = executor.loader.project_state([("containers_app", "0002_audit_append_only")]).apps
    event = old.get_model("containers_app", "AuditEvent")
    for number in (3, 4, 9):
        event.objects.create(
            pk=number,
            at=datetime(2026, 11, 23, 17, 0, number, tzinfo=UTC),
            action="x.done",
            sentence=f"number {number}",
            details={"é": [number]},
        )
    MigrationExecutor(connection).migrate(MigrationExecutor(connection).loader.graph.leaf_nodes())
    assert is_one_chain() == 3
    assert [event.sentence for event in AuditEvent.objects.order_by("pk")] == ["number 3", "number 4", "number 9"]
    audit.record(by=audit.Caller(), action="x.done", sentence="went on", container=a_container())
    assert is_one_chain() == 4
