"""CRIU's own switches of a host: asked for on its page, written by its agent alone, with what was there before kept."""

from django.conf import settings

from containers_app.models import Operation
from containers_app.runtime import criu_config

from . import inventory, operations
from .operations import Found

SWITCHES = criu_config.SWITCHES


def now_on(host):
    """{switches, digest, ours, text} as the agent last read them there."""
    return host.facts.get("criu_config") or {"switches": {}, "digest": "", "ours": True, "text": ""}


@operations.once
def request_criu_config(*, by, host, values, digest, request_key=None):
    """Ask for exactly these switches; `digest` is of the file that the person saw. Raises BadInput for no switch."""
    criu_config.check(values)
    said = ", ".join(f"{name} {value}".strip() for name, value in sorted(values.items())) or "none"
    return operations.request(
        by=by, kind=Operation.Kind.CRIU_CONFIG, host=host, request_key=request_key,
        sentence=f"asked for CRIU's switches on {host.name}: {said}", options={"values": values, "digest": digest},
    )  # fmt: skip


def perform_criu_config(claim):
    """Write the file, read it back, and tell what it was and is."""
    operation, path = claim.operation, settings.CRIU_CONFIG
    host, asked = operation.host, operation.options
    claim.phase(f"writing {path}")
    before = criu_config.read(path)["switches"]
    former = criu_config.write(path, asked["values"], digest=asked["digest"], keep_as=f"before-{operation.pk}")
    after = criu_config.read(path)
    inventory.observe_facts(host, criu_config=after)
    said = ", ".join(f"{name} {value}".strip() for name, value in sorted(after["switches"].items())) or "none"
    claim.succeed(
        action="host.configured",
        sentence=f"set CRIU's switches on {host.name}: {said}",
        summary=f"CRIU's switches on {host.name} are now: {said}.",
        before={"switches": before, "file": former},
        after={"switches": after["switches"], "file": after["text"]},
        former=former,
    )


def settle_criu_config(claim):
    """Found: whether the file says what was asked for."""
    after = criu_config.read(settings.CRIU_CONFIG)
    inventory.observe_facts(claim.operation.host, criu_config=after)
    return Found(False, "The file is as it was found." if after["text"] else "There is no such file.")
