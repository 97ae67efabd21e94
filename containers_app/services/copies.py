"""Many containers from one checkpoint: a press, as many restores, each with a name and ports of its own.

All of them are asked for, or none is: what is in the way is found before anything is queued.
"""

import uuid
from dataclasses import replace

from django.db import transaction

from containers_app.errors import BadInput, Conflict
from containers_app.models import Operation
from containers_app.runtime.types import RestoreOptions

from . import restores

NUMBER = "{n}"
HIGHEST_PORT = 65535


def request_copies(*, by, checkpoint, name, copies, options: RestoreOptions, request_key, host=None, forced=False):
    """Ask for `copies` restores of the checkpoint as new containers on `host`, or where it was taken.

    Returns the operations, in their order. `name` counts where it has {n}, or at its end; each published host port
    counts up; `forced` as for one restore. Raises BadInput, beside its field, for a name or a port that is taken or
    cannot be counted. The same `request_key` again returns the same ones.
    """
    earlier = list(Operation.objects.filter(batch=request_key, requested_by=by.user).order_by("pk"))
    if earlier:
        return earlier
    wanted = each(replace(options, name=name), copies)
    _require_own_ports(checkpoint, options)
    _require_ports_apart([copy.publish for copy in wanted])
    made = []
    with transaction.atomic():
        for copy in wanted:
            made.append(_request(by, checkpoint, host, copy, forced, request_key))
        Operation.objects.filter(pk__in=[operation.pk for operation in made]).update(batch=request_key)
    return made


def each(options, copies):
    """[RestoreOptions] of so many copies, each with its name and its ports."""
    names = copy_names(options.name, copies)
    return [
        replace(options, name=name, publish=copy_ports(options.publish, number)) for number, name in enumerate(names)
    ]


def copy_names(name, copies):
    """`web-{n}` → `web-1`, `web-2` …; without {n} the number comes at the end."""
    pattern = name if NUMBER in name else f"{name}-{NUMBER}"
    return [pattern.replace(NUMBER, str(number)) for number in range(1, copies + 1)]


def copy_ports(publish, number):
    """The published ports of the copy with that number, from 0 on: every host port that much higher."""
    return [_counted(port, number) for port in publish]


def _counted(port, number):
    match = restores.PORT.fullmatch(port)
    if not match:
        raise BadInput(f"{port} cannot be counted up: name one host port, such as 18080:80.", field="publish")
    host = int(match["host"]) + number
    if host > HIGHEST_PORT:
        raise BadInput(f"{port} leaves no port for copy {number + 1}.", field="publish")
    return f"{match['address'] or ''}{host}:{match['container']}"


def _require_own_ports(checkpoint, options):
    if checkpoint.container.ports and not options.publish:
        raise BadInput(
            f"It publishes {', '.join(checkpoint.container.ports)}: copies need ports of their own.", field="publish"
        )


def _require_ports_apart(ports):
    """Raise BadInput when two of the copies would publish the same host port."""
    wanted = [restores.host_port(port) for publish in ports for port in publish]
    twice = {port for port in wanted if wanted.count(port) > 1}
    if twice:
        raise BadInput(
            f"Two copies would publish port {min(twice)}: leave more room between the ports.", field="publish"
        )


def _request(by, checkpoint, host, options, forced, request_key):
    try:
        return restores.request_restore(
            by=by, checkpoint=checkpoint, host=host, name=options.name, options=options, forced=forced,
            request_key=uuid.uuid5(request_key, options.name),
        )  # fmt: skip
    except Conflict as error:
        raise BadInput(error.message, field="name", remedy=error.remedy) from error
