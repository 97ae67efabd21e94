"""The state machine of operations: one claim, one unfinished operation per container, nothing started for ever."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from containers_app.errors import CommandFailed, Conflict
from containers_app.models import AuditEvent, Operation
from containers_app.services import agent, audit, operations
from tests.builders import a_container, a_host, a_user, an_operation

pytestmark = pytest.mark.django_db

State = Operation.State


def request(container, **overrides):
    values = dict(
        by=audit.Caller(user=a_user()), kind="kill", host=container.host, container=container, sentence="asked"
    )
    return operations.request(**{**values, **overrides})


def test_a_request_is_a_queued_row_and_an_event():
    operation = request(a_container())
    assert operation.state == State.QUEUED
    event = AuditEvent.objects.get()
    assert (event.action, event.result, event.operation) == ("kill.requested", "requested", operation)


def test_the_same_press_twice_is_one_operation():
    container, key = a_container(), uuid.uuid4()
    by = audit.Caller(user=a_user())
    first = request(container, by=by, request_key=key)
    assert request(container, by=by, request_key=key) == first
    assert AuditEvent.objects.count() == 1


def test_a_container_has_one_unfinished_operation():
    container = a_container()
    request(container)
    with pytest.raises(Conflict, match="busy"):
        request(container, by=audit.Caller())
    assert Operation.objects.count() == 1 and AuditEvent.objects.count() == 1


def test_a_name_that_is_to_be_has_one_unfinished_operation():
    host = a_host()
    values = dict(by=audit.Caller(), kind="create", host=host, target_name="looper", sentence="asked")
    operations.request(**values)
    with pytest.raises(Conflict):
        operations.request(**values)


def test_a_second_delivery_claims_nothing():
    operation = request(a_container())
    assert operations.claim(operation.pk) is not None
    assert operations.claim(operation.pk) is None


def test_a_claim_has_a_lease_and_an_owner_that_is_alive():
    operation = operations.claim(request(a_container()).pk).operation
    assert operation.lease_expires_at > timezone.now() + timedelta(seconds=20)
    assert not operations.owner_is_gone(operation.lease_owner)


def test_an_owner_of_another_boot_or_a_process_that_ended_is_gone():
    boot, pid, started = operations.owner().split(".")
    assert operations.owner_is_gone(f"00000000.{pid}.{started}")
    assert operations.owner_is_gone(f"{boot}.{pid}.{int(started) + 1}")


def test_who_was_taken_over_may_not_write_any_more():
    claim = operations.claim(request(a_container()).pk)
    later = operations.take_over(Operation.objects.get(pk=claim.operation.pk))
    with pytest.raises(operations.LeaseLost):
        claim.phase("too late")
    later.phase("in other hands")
    assert [phase["name"] for phase in Operation.objects.get().phases] == ["in other hands"]


def test_only_one_of_two_takes_over():
    claim = operations.claim(request(a_container()).pk)
    seen = Operation.objects.get(pk=claim.operation.pk)
    assert operations.take_over(seen) is not None
    assert operations.take_over(seen) is None


def test_a_queued_operation_can_be_cancelled_and_a_started_one_cannot():
    first, second = request(a_container()), request(a_container(name="other"), by=audit.Caller())
    operations.cancel(by=audit.Caller(), operation=first)
    first.refresh_from_db()
    assert first.state == State.CANCELLED and first.finished_at
    operations.claim(second.pk)
    with pytest.raises(Conflict):
        operations.cancel(by=audit.Caller(), operation=second)


def test_a_failure_is_kept_with_cause_remedy_and_event():
    claim = operations.claim(request(a_container(name="looper"), kind="checkpoint").pk)
    claim.fail(
        CommandFailed(
            "podman: no", stderr='Error: "created" is not running, cannot checkpoint: container state improper'
        )
    )
    operation = Operation.objects.get()
    assert operation.state == State.FAILED
    assert operation.failure == "checkpoint-not-running"
    assert "no process to dump" in operation.cause and "Start" in operation.remedy
    assert AuditEvent.objects.first().action == "checkpoint.failed"


def test_progress_is_told_twice_a_second_at_the_most(monkeypatch):
    claim = operations.claim(request(a_container()).pk)
    written = []
    monkeypatch.setattr(claim, "_write", lambda **fields: written.append(fields))
    for count in range(100):
        claim.progress(count, expected=100, layers=[count])
    assert written == [{"progress_bytes": 0, "expected_bytes": 100, "result": {"layers": [0]}}]


def a_handler(perform=lambda claim: None, settle=lambda claim: operations.Found(False, "It stands as before.")):
    return {"kill": agent.Handler(perform, settle)}


def test_a_perform_that_fails_is_settled_and_recorded(monkeypatch):
    def perform(claim):
        raise Conflict("It is gone.")

    monkeypatch.setattr(agent, "HANDLERS", a_handler(perform))
    operation = request(a_container(), by=audit.Caller())
    agent.run(operation.pk)
    operation.refresh_from_db()
    assert operation.state == State.FAILED
    assert operation.summary == "It is gone. It stands as before."


def test_a_fault_of_our_own_is_recorded_and_raised(monkeypatch):
    def perform(claim):
        raise ZeroDivisionError

    monkeypatch.setattr(agent, "HANDLERS", a_handler(perform))
    operation = request(a_container(), by=audit.Caller())
    with pytest.raises(ZeroDivisionError):
        agent.run(operation.pk)
    operation.refresh_from_db()
    assert operation.state == State.FAILED and "ZeroDivisionError" in operation.summary


def test_a_right_that_was_taken_away_meanwhile_stops_it(monkeypatch):
    performed = []
    monkeypatch.setattr(agent, "HANDLERS", a_handler(performed.append))
    operation = request(a_container(), by=audit.Caller(user=a_user()))
    agent.run(operation.pk)
    operation.refresh_from_db()
    assert performed == [] and operation.state == State.FAILED and operation.failure == "not-allowed"


@pytest.fixture
def local(settings, tmp_path):
    settings.STORE_DIR = tmp_path / "archives"
    return a_host(name=settings.HOST_NAME)


def test_the_sweep_ends_what_a_dead_agent_left(local, monkeypatch):
    monkeypatch.setattr(agent, "HANDLERS", a_handler())
    claim = operations.claim(request(a_container(host=local), by=audit.Caller()).pk)
    Operation.objects.update(lease_owner="00000000.1.1")
    agent.sweep()
    operation = Operation.objects.get(pk=claim.operation.pk)
    assert operation.state == State.FAILED
    assert "ended in the middle" in operation.summary and "stands as before" in operation.summary


def test_the_sweep_finds_done_what_was_done(local, monkeypatch):
    monkeypatch.setattr(agent, "HANDLERS", a_handler(settle=lambda claim: operations.Found(True, "looper is exited.")))
    operations.claim(request(a_container(host=local), by=audit.Caller()).pk)
    Operation.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    agent.sweep()
    assert Operation.objects.get().state == State.SUCCEEDED


def test_the_sweep_leaves_the_living_alone(local, monkeypatch):
    monkeypatch.setattr(agent, "HANDLERS", a_handler())
    operations.claim(request(a_container(host=local), by=audit.Caller()).pk)
    agent.sweep()
    assert Operation.objects.get().state == State.STARTED


def test_what_cannot_be_settled_again_and_again_is_lost_in_the_end(local, monkeypatch):
    monkeypatch.setattr(agent, "HANDLERS", a_handler())
    operations.claim(request(a_container(host=local), by=audit.Caller()).pk)
    Operation.objects.update(lease_owner="00000000.1.1", fencing=agent.TAKE_OVERS)
    agent.sweep()
    assert Operation.objects.get().state == State.LOST


def test_the_sweep_rings_again_for_what_waits(local, monkeypatch):
    rung = []
    monkeypatch.setattr(agent.doorbell, "queue_is_empty", lambda host: True)
    monkeypatch.setattr(agent.doorbell, "ring", rung.append)
    operation = request(a_container(host=local), by=audit.Caller())
    rung.clear()
    Operation.objects.update(requested_at=timezone.now() - timedelta(minutes=1))
    agent.sweep()
    assert rung == [operation]


def test_the_sweep_clears_drafts_of_nobody(local, settings):
    kept = an_operation(host=local, state="queued", container=None)
    for owner in (str(kept.pk), "999999", "stranger"):
        (settings.STORE_DIR / "incoming" / owner).mkdir(parents=True)
    agent.sweep()
    assert [entry.name for entry in (settings.STORE_DIR / "incoming").iterdir()] == [str(kept.pk)]


def test_the_sweep_leaves_what_another_host_is_writing_into_the_same_store(local, settings):
    other = an_operation(host=a_host(name="lab"), state="started", container=None)
    draft = settings.STORE_DIR / "incoming" / str(other.pk)
    draft.mkdir(parents=True)
    agent.sweep()
    assert draft.is_dir()


def test_environment_values_stay_out_of_the_history_and_go_when_it_ends():
    operation = request(a_container(), by=audit.Caller(), options={"env": ["TOKEN=hush"], "image": "x"})
    assert operation.options["env"] == ["TOKEN=hush"]
    assert AuditEvent.objects.get().details == {"env": ["TOKEN"], "image": "x"}
    claim = operations.claim(operation.pk)
    claim.fail(Conflict("no"))
    assert Operation.objects.get().options["env"] == ["TOKEN"]
