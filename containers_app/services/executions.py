"""One command in a running container: asked for, run once without a shell of ours, ended when it takes too long.

What the command does, only its output tells: an exit code that is not 0 is an answer, not a failure of the operation.
"""

import uuid

from containers_app.errors import BadInput, CommandFailed, Conflict
from containers_app.models import Operation
from containers_app.runtime import podman_arguments, process

from . import operations, outside
from .lifecycle import RUNNING, look_again
from .operations import Found

SECONDS = 60  # that a command may take unless it is given another time
MOST_SECONDS = 3600


@operations.once
def request_exec(*, by, container, command, user="", workdir="", seconds=SECONDS, request_key=None):
    """Ask for `command`, an argument list, to be run in the container, for `seconds` at the most.

    Raises Conflict when it does not run, BadInput for what Podman would not take.
    """
    if container.removed_at or container.state not in RUNNING:
        raise Conflict(f"{container.name} is {container.state}: a command needs it running.", remedy="Start it first.")
    if not 1 <= seconds <= MOST_SECONDS:
        raise BadInput(f"A command may take 1 to {MOST_SECONDS} s.", field="seconds")
    mark = f"FREEZEFRAME_EXEC={uuid.uuid4().hex}"
    podman_arguments.exec_arguments(container.container_id, command, mark=mark, user=user, workdir=workdir)
    return operations.request(
        by=by, kind=Operation.Kind.EXEC, host=container.host, container=container, request_key=request_key,
        sentence=f"asked to run {command[0]} in {container.name}",
        options={"command": command, "user": user, "workdir": workdir, "seconds": seconds, "mark": mark},
    )  # fmt: skip


def perform_exec(claim):
    """Run it and keep the end of what it wrote, and its exit code."""
    operation, podman = claim.operation, outside.podman()
    container, asked = operation.container, operation.options
    found, name = look_again(container, podman), asked["command"][0]
    if found is None or found.state not in RUNNING:
        raise Conflict(f"{container.name} no longer runs: the command was not begun.")
    claim.phase("running the command")
    try:
        result = podman.exec(
            container.container_id, asked["command"], mark=asked["mark"], user=asked["user"], workdir=asked["workdir"],
            timeout=asked["seconds"], limit=operations.OUTPUT_LIMIT, on_start=claim.command,
        )  # fmt: skip
    except CommandFailed as error:
        if error.exit_code is not None:
            raise
        raise CommandFailed(
            f"{name} did not end within {asked['seconds']} s: it was ended.", argv=error.argv, stderr=error.stderr,
            remedy="Give it more time, or run something that ends by itself.",
        ) from error  # fmt: skip
    claim.succeed(
        action="command.executed",
        sentence=f"ran {name} in {container.name}, exit code {result.exit_code}",
        summary=f"{name} ended with exit code {result.exit_code}.",
        output=result.stdout,
        exit_code=result.exit_code,
    )


def settle_exec(claim):
    """What still runs of the command is ended: nobody waits for it any more, and its output is lost."""
    ended = process.end_marked(claim.operation.options["mark"])
    outside.await_end(claim.operation)
    return Found(False, "What was left of it was ended." if ended else "")
