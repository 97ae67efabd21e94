"""The audit history: one function writes it, in the transaction of the change that it tells of.

Actions are past facts, `noun.verb`. Names are copied at the time. Nothing here changes or deletes an event.
"""

from dataclasses import dataclass

from django.utils import timezone

from containers_app.models import AuditEvent

from . import doorbell

SYSTEM = "freezeframe"  # the actor's name where no person asked


@dataclass(frozen=True)
class Caller:
    """Who asks, and from where. `user` is None for the system itself."""

    user: object = None
    source: str = AuditEvent.Source.COMMAND
    address: str | None = None
    request_id: str = ""

    @property
    def name(self):
        return self.user.get_username() if self.user else SYSTEM


def caller_of(operation):
    """The Caller of what an agent does for an operation: the person who asked for it."""
    return Caller(operation.requested_by, AuditEvent.Source.AGENT, operation.address, operation.request_id)


def record(
    *, by, action, sentence, result="done", operation=None, container=None, checkpoint=None, host=None, details=None
):
    """Write one event. Call it inside the transaction that makes the change; the two come to be together or not at all.

    `sentence` follows the actor's name: "checkpointed looper, stopping it". `details` are kept as JSON.
    """
    if operation:
        container, checkpoint = container or operation.container, checkpoint or operation.checkpoint
        host = host or operation.host
    doorbell.announce("audit")
    return AuditEvent.objects.create(
        at=timezone.now(),
        action=action,
        result=result,
        actor=by.user,
        actor_name=by.name,
        source=by.source,
        address=by.address,
        request_id=by.request_id,
        host_name=host.name if host else "",
        container=container,
        container_name=container.name if container else "",
        checkpoint=checkpoint,
        checkpoint_name=checkpoint.name if checkpoint else "",
        operation=operation,
        commands=operation.commands if operation else [],
        sentence=sentence,
        details=details or {},
    )
