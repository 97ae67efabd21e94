"""What cannot be recorded is not done: no request is queued and nothing reaches Podman without its intent recorded."""

import pytest
from django.db import connection

from containers_app.errors import Unavailable
from containers_app.models import AuditEvent, Operation
from containers_app.services import agent, audit, operations
from tests.builders import a_container, a_host

pytestmark = pytest.mark.django_db

State = Operation.State


def request(container):
    return operations.request(
        by=audit.Caller(), kind="kill", host=container.host, container=container, sentence="asked to kill looper"
    )


def actions(operation):
    return list(AuditEvent.objects.filter(operation=operation).order_by("pk").values_list("action", "result"))


@pytest.fixture
def performed(monkeypatch):
    """What has reached Podman: the operations that were performed or settled."""
    reached = []

    def settle(claim):
        reached.append(claim.operation.pk)
        return operations.Found(True, "looper is exited.")

    handler = agent.Handler(lambda claim: reached.append(claim.operation.pk), settle)
    monkeypatch.setattr(agent, "HANDLERS", {"kill": handler})
    return reached


def test_a_request_that_cannot_be_recorded_queues_nothing_and_says_why(unwritable_history):
    container = a_container()
    unwritable_history()
    with pytest.raises(Unavailable, match="audit history cannot be written") as caught:
        request(container)
    assert not Operation.objects.exists() and caught.value.remedy


def test_without_a_recorded_intent_podman_is_not_reached_and_people_see_why(unwritable_history, performed):
    operation = request(a_container())
    unwritable_history()
    for _ in range(2):
        agent.run(operation.pk)
    operation.refresh_from_db()
    assert performed == [] and operation.state == State.QUEUED and operation.fencing == 0
    assert [phase["name"] for phase in operation.phases] == ["The audit history cannot be written: nothing was done."]


def test_it_begins_once_the_history_can_be_written_again(unwritable_history, performed):
    operation = request(a_container())
    unwritable_history()
    agent.run(operation.pk)
    with connection.cursor() as cursor:
        table = "containers_app_auditevent"
        on = f" ON {table}" if connection.vendor == "postgresql" else ""
        cursor.execute(f"DROP TRIGGER {table}_refused{on}")
    agent.run(operation.pk)
    assert performed == [operation.pk]


def test_the_intent_is_recorded_before_the_work(monkeypatch):
    seen = []
    handler = agent.Handler(lambda claim: seen.extend(actions(claim.operation)), None)
    monkeypatch.setattr(agent, "HANDLERS", {"kill": handler})
    agent.run(request(a_container()).pk)
    assert seen == [("kill.requested", "requested"), ("kill.started", "started")]


def test_an_outcome_that_cannot_be_recorded_is_not_claimed_to_have_come(unwritable_history, monkeypatch):
    def perform(claim):
        unwritable_history()
        claim.succeed(action="container.killed", summary="Killed.", sentence="killed looper")

    handler = agent.Handler(perform, lambda claim: operations.Found(False, "looper runs."))
    monkeypatch.setattr(agent, "HANDLERS", {"kill": handler})
    operation = request(a_container())
    with pytest.raises(Unavailable):
        agent.run(operation.pk)
    operation.refresh_from_db()
    assert operation.state == State.STARTED  # the sweep settles it, and tells of it, once events can be written


def test_a_kill_after_the_intent_leaves_it_open_and_the_sweep_closes_it_as_what_was_found(
    settings, tmp_path, monkeypatch, performed
):
    def killed(claim):
        raise SystemExit  # what no handler of errors sees: the process is gone

    settings.STORE_DIR = tmp_path
    here = a_host(name=settings.HOST_NAME)
    operation = request(a_container(host=here))
    settled = agent.HANDLERS["kill"].settle
    monkeypatch.setattr(agent, "HANDLERS", {"kill": agent.Handler(killed, settled)})
    with pytest.raises(SystemExit):
        agent.run(operation.pk)
    assert actions(operation)[-1] == ("kill.started", "started")
    Operation.objects.update(lease_owner="00000000.1.1")
    agent.sweep()
    assert actions(operation)[1:] == [("kill.started", "started"), ("kill.found", "done")]
    assert Operation.objects.get().state == State.SUCCEEDED
