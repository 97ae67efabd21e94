"""The audit history: one function writes it, in the transaction of the change that it tells of.

Actions are past facts, `noun.verb`. Names are copied at the time. Nothing here changes or deletes an event. Events form
a chain (`runtime/chain.py`): whoever writes one waits for its turn, and has it until the transaction ends.
"""

import ipaddress
import math
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from containers_app import access
from containers_app.errors import Unavailable
from containers_app.models import AuditEvent
from containers_app.runtime import chain

from . import doorbell

SYSTEM = "freezeframe"  # the actor's name where no person asked
TURN = 0x66726565_7A656672  # PostgreSQL's advisory lock: any number that nothing else here uses
FIELDS = [field.attname for field in AuditEvent._meta.concrete_fields]


@dataclass(frozen=True)
class Caller:
    """Who asks, and from where. `user` is None for the system itself; `authenticated` is how the person signed in.

    `token` is the Token that it came by, if it came by one.
    """

    user: object = None
    source: str = AuditEvent.Source.COMMAND
    address: str | None = None
    request_id: str = ""
    authenticated: str = ""
    token: object = None

    @property
    def name(self):
        return self.user.get_username() if self.user else SYSTEM


def caller_of(operation):
    """The Caller of what an agent does for an operation: the person who asked for it."""
    return Caller(
        operation.actor, AuditEvent.Source.AGENT, operation.address, operation.request_id,
        authenticated=f"token {operation.token}" if operation.token_id else "", token=operation.token,
    )  # fmt: skip


def record(
    *,
    by,
    action,
    sentence,
    result="done",
    operation=None,
    container=None,
    checkpoint=None,
    host=None,
    team=None,
    details=None,
    before=None,
    after=None,
):
    """Write one event. Call it last in the transaction that makes the change; both come to be together or not at all.

    `sentence` follows the actor's name: "checkpointed looper, stopping it". `details`, `before` and `after` are kept as
    JSON. The event is of `team`, or of the team that owns what it is about; else everybody's. Raises Unavailable when
    the history cannot be written: then what it would tell of must not be done.
    """
    if operation:
        container, checkpoint = container or operation.container, checkpoint or operation.checkpoint
        host = host or operation.host
    image_of = container or checkpoint
    team_id = team.pk if team else next((row.team_id for row in (operation, checkpoint, container) if row), None)
    event = append(
        action=action,
        result=result,
        actor=by.user,
        actor_name=by.name,
        actor_role=access.role_of(by.user, team_id),
        authenticated=by.authenticated,
        source=by.source,
        address=by.address,
        request_id=by.request_id,
        host_name=host.name if host else "",
        container=container,
        container_name=container.name if container else "",
        checkpoint=checkpoint,
        checkpoint_name=checkpoint.name if checkpoint else "",
        image_name=image_of.image_name if image_of else "",
        operation=operation,
        commands=operation.commands if operation else [],
        sentence=sentence,
        details=details or {},
        before=before,
        after=after,
        team_id=team_id,
    )
    doorbell.announce("audit", team=team_id)
    return event


def append(**fields):
    """Put an event with these fields at the end of the chain; `at` is now unless it is given. For `record` alone."""
    try:
        with transaction.atomic():
            _wait_for_turn()
            last = AuditEvent.objects.order_by("-pk").values_list("sequence", "digest").first() or (0, chain.ZERO)
            event = AuditEvent(**{"at": timezone.now(), **{name: storable(value) for name, value in fields.items()}})
            event.sequence, event.previous = last[0] + 1, last[1]
            event.digest = chain.digest(as_written({name: getattr(event, name) for name in FIELDS}))
            event.save(force_insert=True)
            return event
    except DatabaseError as error:
        raise Unavailable(
            "The audit history cannot be written: nothing was done.",
            remedy="Tell whoever runs Freezeframe: its database refuses new audit events.",
        ) from error


def as_written(values):
    """An event's fields as the chain and the export have them: nulls left out, times in RFC 3339, UTC, microseconds."""
    written = {name: value for name, value in values.items() if value is not None}
    for name, value in written.items():
        if isinstance(value, datetime):
            written[name] = rfc3339(value)
        elif name == "address":
            written[name] = _one_spelling(value)
    return written


def rfc3339(moment):
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def storable(value):
    """`value` as every database gives it back unchanged, so that its digest holds.

    PostgreSQL takes neither NUL nor half a surrogate pair, and writes 1e22 as a whole number.
    """
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")
        case float():
            return str(value) if not math.isfinite(value) else int(value) if value.is_integer() else value
        case dict():
            return {storable(str(name)): storable(item) for name, item in value.items()}
        case list() | tuple():
            return [storable(item) for item in value]
    return value


def _one_spelling(address):
    """Databases write one IPv6 address in different ways; what is no address is left for the digest to complain of."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def _wait_for_turn():
    """Until this transaction ends nobody else appends. SQLite's transactions have begun IMMEDIATE: they wait there."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [TURN])
