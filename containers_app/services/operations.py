"""The state machine of operations: request, claim, report, finish, cancel. What the work itself is, others know.

`queued → started → succeeded | failed | cancelled | lost`. The row is the truth and the message only its doorbell: a
claim is a compare-and-set, so a message that comes twice finds nothing to claim. Who holds a claim may write until a
later claim has a higher fencing number.
"""

import logging
import os
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps

from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone

from containers_app.errors import BadInput, Conflict, FreezeframeError
from containers_app.models import Checkpoint, Operation
from containers_app.runtime import process
from containers_app.runtime.explain import explain

from . import audit, doorbell

log = logging.getLogger(__name__)

State = Operation.State
LEASE = timedelta(seconds=30)  # a claim that is not renewed for so long is abandoned
HEARTBEAT = 10  # seconds between renewals
OUTPUT_LIMIT = 64 * 1024  # characters of output kept with an operation, from the end


def request(
    *, by, kind, host, sentence, request_key=None, container=None, checkpoint=None, target_name="", options=None,
    team=None,
):  # fmt: skip
    """Insert a queued operation, write its audit event and ring the host, all in one transaction; returns it.

    It is of `team`, or of the team that owns the container or the checkpoint; without any of them it is the house's.

    The same `request_key` again returns the first one. Raises Conflict when the container, or the name that is to be,
    already has an unfinished operation, and when the checkpoint was discarded or is about to be.
    """
    values = {"kind": kind, "host": host, "container": container, "checkpoint": checkpoint, "target_name": target_name}
    values["team_id"] = team.pk if team else next((row.team_id for row in (container, checkpoint) if row), None)
    try:
        with transaction.atomic():
            if checkpoint:
                _require_archive(checkpoint)
            operation = Operation.objects.create(
                **values,
                options=options or {},
                requested_by=by.user,
                requested_at=timezone.now(),
                request_key=request_key,
                request_id=by.request_id,
                address=by.address,
                token=by.token,
            )
            audit.record(
                by=by,
                action=f"{kind}.requested",
                result="requested",
                sentence=sentence,
                operation=operation,
                details=without_values(options),
            )
            doorbell.ring(operation)
            announce(operation)
            return operation
    except IntegrityError as error:
        earlier = Operation.objects.filter(request_key=request_key).first() if request_key else None
        if earlier:
            return earlier
        raise Conflict(
            f"{target_name or container or checkpoint} is busy with another operation.",
            remedy="Wait until it has ended, then try again.",
        ) from error


def _require_archive(checkpoint):
    """Raise Conflict where there is no archive, or soon none: whoever discards it waits for this transaction."""
    row = Checkpoint.objects.select_for_update().only("name", "discarded_at").get(pk=checkpoint.pk)
    if row.discarded_at:
        raise Conflict(f"{row.name} was discarded: its archive is gone.")
    if row.operations.filter(kind=Operation.Kind.DISCARD, state__in=Operation.UNFINISHED).exists():
        raise Conflict(f"{row.name} is being discarded.")


def once(request_service):
    """A `request_*` that gives the same press (`request_key`) twice the same operation, whatever has happened since."""

    @wraps(request_service)
    def asked(*, by, request_key=None, **values):
        mine = Operation.objects.filter(request_key=request_key, requested_by=by.user) if request_key else None
        return (mine and mine.first()) or request_service(by=by, request_key=request_key, **values)

    return asked


def require_offered(options, *, known, offered):
    """Raise BadInput when an option is asked for that the host's Podman does not have: it is never sent."""
    for name, flag in known.items():
        if getattr(options, name) and name not in offered:
            raise BadInput(f"The host's Podman has no {flag}.", field=name)


def without_values(options):
    """Options as the history keeps them: environment values may be secrets, so only their names stay."""
    kept = dict(options or {})
    if "env" in kept:
        kept["env"] = [pair.partition("=")[0] for pair in kept["env"]]
    return kept


def cancel(*, by, operation):
    """Cancel an operation that no agent has claimed yet, or ask the agent to end one that may be ended at any time.

    Raises Conflict when it has begun and may not be.
    """
    with transaction.atomic():
        changed = Operation.objects.filter(pk=operation.pk, state=State.QUEUED).update(
            state=State.CANCELLED,
            finished_at=timezone.now(),
            summary=f"Cancelled by {by.name} before it began.",
            options=without_values(operation.options),
        )
        asked = not changed and _ask_to_end(operation)
        if not changed and not asked:
            raise Conflict("It has begun: only a queued operation can be cancelled.")
        operation.refresh_from_db()
        action, words = ("cancel_requested", "asked to end") if asked else ("cancelled", "cancelled")
        audit.record(by=by, action=f"{operation.kind}.{action}", sentence=f"{words}: {operation}", operation=operation)
        announce(operation)


def _ask_to_end(operation):
    running = Operation.objects.filter(pk=operation.pk, state=State.STARTED, kind__in=Operation.STOPPABLE)
    return bool(running.update(cancel_asked_at=timezone.now()))


def announce(operation):
    """Tell the open pages of its team of a change of this operation; of the house's, everybody's."""
    names = ["operations", f"operation-{operation.pk}"]
    if operation.container_id:
        names += ["containers", f"container-{operation.container_id}"]
    doorbell.announce(*names, team=operation.team_id)


def owner():
    """The name of this process as a holder of claims: no later process can have it."""
    me = process.identity(os.getpid())
    return f"{me['boot'][:8]}.{me['pid']}.{me['started']}"


def owner_is_gone(name):
    """True when `name` is a process of this machine's present boot that has ended, or one of an earlier boot."""
    boot, pid, started = name.split(".")
    found = process.identity(pid)
    here = process.identity(os.getpid())["boot"][:8]
    return boot != here or not found or str(found["started"]) != started


def claim(operation_id):
    """A Claim on a queued operation, or None when there is nothing to claim.

    The intent is in the history with it, so whoever holds a Claim may go to Podman. Raises Unavailable, and claims
    nothing, when the history cannot be written.
    """
    now = timezone.now()
    with transaction.atomic():
        changed = Operation.objects.filter(pk=operation_id, state=State.QUEUED).update(
            state=State.STARTED,
            started_at=now,
            lease_owner=owner(),
            lease_expires_at=now + LEASE,
            fencing=F("fencing") + 1,
        )
        if not changed:
            return None
        claimed = _claimed(operation_id)
        _record_intent(claimed.operation)
        return claimed


def _record_intent(operation):
    audit.record(
        by=audit.caller_of(operation),
        action=f"{operation.kind}.started",
        result="started",
        sentence=f"began: {operation}",
        operation=operation,
        details={"agent": operation.lease_owner},
    )


def wait(operation_id, error):
    """Tell people why a queued operation does not begin yet. It stays queued: the sweep rings for it again."""
    waiting = Operation.objects.filter(pk=operation_id, state=State.QUEUED)
    operation = waiting.first()
    if operation and operation.phase != error.message:
        now = timezone.now().isoformat()
        waiting.update(phases=[*operation.phases, {"name": error.message, "at": now}])
        announce(operation)


def take_over(operation):
    """A Claim on a started operation whose holder is gone, or None when another was faster or the holder is alive."""
    changed = Operation.objects.filter(pk=operation.pk, state=State.STARTED, fencing=operation.fencing).update(
        lease_owner=owner(), lease_expires_at=timezone.now() + LEASE, fencing=F("fencing") + 1
    )
    return _claimed(operation.pk) if changed else None


def _claimed(operation_id):
    related = ("host", "container__host", "checkpoint__container", "requested_by", "token__user")
    operation = Operation.objects.select_related(*related).get(pk=operation_id)
    announce(operation)
    return Claim(operation)


class LeaseLost(FreezeframeError):
    """Another holder has taken this operation over: nothing more may be written for it."""

    code = "lease-lost"


class Cancelled(FreezeframeError):
    """Somebody asked that this operation be ended. It changes nothing, so there is nothing to make good."""

    code = "cancelled"


@dataclass(frozen=True)
class Found:
    """What was found after a failure or a lost agent: whether the wish came true after all, and how things stand."""

    achieved: bool = False
    sentence: str = ""
    criu_log: str = ""


class Claim:
    """An operation in the hands of an agent: everything that may be written about it while it is performed."""

    def __init__(self, operation):
        self.operation = operation
        self._bytes_told = 0
        self._asked_at = 0

    @contextmanager
    def heartbeat(self):
        """Renew the lease every HEARTBEAT seconds until the block ends."""
        done = threading.Event()
        thread = threading.Thread(target=self._beat, args=(done,), name=f"lease-{self.operation.pk}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _beat(self, done):
        while not done.wait(HEARTBEAT):
            try:
                self._mine().update(lease_expires_at=timezone.now() + LEASE)
            except DatabaseError:
                log.warning("the lease of operation %s was not renewed", self.operation.pk, exc_info=True)
        connection.close()

    def phase(self, name):
        """A new step has begun, in the words that people read."""
        now = timezone.now().isoformat()
        self._write(phases=[*self.operation.phases, {"name": name, "at": now}])

    def command(self, argv, pid):
        """A command has been started: its exact arguments, and the process to look for should this agent die."""
        self._write(commands=[*self.operation.commands, argv], process=process.identity(pid))

    def expect(self, count):
        self._write(expected_bytes=count)

    def progress(self, count, *, expected=None, **result):
        """`count` bytes have gone by, of `expected` as far as is known now, with facts that are shown meanwhile.

        Told twice a second at the most, and never a reason to stop the work.
        """
        now = timezone.now().timestamp()
        if now - self._bytes_told < 0.5:
            return
        self._bytes_told = now
        try:
            self._write(
                progress_bytes=count,
                expected_bytes=self.operation.expected_bytes if expected is None else expected,
                result={**self.operation.result, **result},
            )
        except DatabaseError:
            log.warning("progress of operation %s was not written", self.operation.pk, exc_info=True)

    def go_on(self):
        """Raise Cancelled when somebody has asked to end it; looked up twice a second at the most."""
        now = timezone.now().timestamp()
        if now - self._asked_at < 0.5:
            return
        self._asked_at = now
        if self._mine().exclude(cancel_asked_at=None).exists():
            raise Cancelled("It was cancelled while it ran.")

    def note(self, **result):
        """Keep facts that whoever settles this operation after us will need."""
        self._write(result={**self.operation.result, **result})

    def succeed(
        self, *, action, summary, sentence, container=None, checkpoint=None, output="", criu_log="", before=None,
        after=None, **result
    ):  # fmt: skip
        """Record the good end: call it in the transaction that records what came of it.

        `before` and `after` go into the history: what was changed, and to what.
        """
        self._finish(
            State.SUCCEEDED,
            action=action,
            sentence=sentence,
            container=container,
            checkpoint=checkpoint,
            summary=summary,
            output=output[-OUTPUT_LIMIT:],
            criu_log=criu_log,
            result={**self.operation.result, **result},
            before=before,
            after=after,
        )

    def cancelled(self):
        """Record that it was ended because somebody asked for it."""
        self._finish(
            State.CANCELLED,
            action=f"{self.operation.kind}.cancelled",
            sentence=f"ended, as was asked: {self.operation}",
            summary="Cancelled while it ran. Nothing was kept.",
        )

    def fail(self, error, *, found=Found(), state=State.FAILED):
        """Record that it failed: what happened, why, what to do, and what was found afterwards."""
        stderr = getattr(error, "stderr", "")
        explanation = explain(f"{error}\n{stderr}", found.criu_log)
        known = isinstance(error, FreezeframeError)
        message = error.message if known else f"Freezeframe itself failed: {type(error).__name__}."
        summary = f"{explanation.title}." if explanation else message
        self._finish(
            state,
            action=f"{self.operation.kind}.{state}",
            sentence=f"tried to {self.operation.get_kind_display().lower()} {self.operation.subject}: {summary}",
            summary=" ".join(filter(None, [summary, found.sentence])),
            cause=explanation.cause if explanation else "",
            remedy=explanation.remedy if explanation else getattr(error, "remedy", ""),
            failure=explanation.id if explanation else getattr(error, "code", "internal"),
            output=(stderr or str(message))[-OUTPUT_LIMIT:],
            criu_log=found.criu_log,
        )

    def refuse(self, error):
        """Record that nothing was done: who asked for it may no longer."""
        self._finish(
            State.FAILED,
            action=f"{self.operation.kind}.refused",
            sentence=f"was refused to {self.operation.get_kind_display().lower()} {self.operation.subject}: {error}",
            summary=f"{error} Nothing was done.",
            remedy=error.remedy,
            failure=error.code,
            event_result="refused",
        )

    def _finish(
        self, state, *, action, sentence, container=None, checkpoint=None, before=None, after=None,
        event_result="", **fields,
    ):  # fmt: skip
        if container is not None:
            fields["container"] = container
        fields["options"] = without_values(self.operation.options)
        with transaction.atomic():
            self._write(state=state, finished_at=timezone.now(), process={}, **fields)
            audit.record(
                by=audit.caller_of(self.operation),
                action=action,
                result=event_result or ("done" if state == State.SUCCEEDED else state),
                sentence=sentence,
                operation=self.operation,
                checkpoint=checkpoint,
                details={"summary": fields["summary"]},
                before=before,
                after=after,
            )

    def _mine(self):
        operation = self.operation
        return Operation.objects.filter(pk=operation.pk, fencing=operation.fencing, state=State.STARTED)

    def _write(self, **fields):
        if not self._mine().update(**fields):
            raise LeaseLost(f"Operation {self.operation.pk} is in other hands now.")
        for name, value in fields.items():
            setattr(self.operation, name, value)
        announce(self.operation)
