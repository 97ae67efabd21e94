"""Is it ready? A check of a container's readiness: that its process lives, a command, a TCP port, an HTTP answer.

TCP and HTTP are asked inside the container's own network namespace, so nothing has to be published. Knows containers by
their first process and, for commands, Podman; not why anybody asks.
"""

import ctypes
import http.client
import os
import re
import socket
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass, field

from containers_app.errors import BadInput, CommandFailed, FreezeframeError

from . import process

ALIVE, COMMAND, TCP, HTTP = "alive", "command", "tcp", "http"
KINDS = {
    ALIVE: "its process is alive",
    COMMAND: "a command in it succeeds",
    TCP: "a TCP port of it answers",
    HTTP: "an HTTP address of it answers",
}
CLONE_NEWNET = 0x40000000  # sched.h
ALIVE_FOR = 1  # seconds that a process must live on to count as alive
ONE_TRY = 5  # seconds that one try may take
BETWEEN = 0.05  # seconds between two tries
COMMAND_OUTPUT = 4096  # bytes of a command's output that are kept
MOST_SECONDS = 3600
PATH = re.compile(r"/[!-~]{0,1023}")


class NotReady(FreezeframeError):
    """It ended before it was ready, or was not ready in time."""

    code = "not-ready"
    status = 409


@dataclass(frozen=True)
class Probe:
    """`seconds` is how long it may take until it is ready; `command` is an argument list, `port` one of the container.

    An HTTP probe passes with any status from 200 to 399.
    """

    kind: str = ALIVE
    command: list[str] = field(default_factory=list)
    port: int = 0
    path: str = "/"
    seconds: int = 60

    def as_json(self):
        """{} for the usual one, else only what counts for its kind."""
        counts = {ALIVE: (), COMMAND: ("command",), TCP: ("port",), HTTP: ("port", "path")}[self.kind]
        if self == Probe():
            return {}
        return {name: value for name, value in asdict(self).items() if name in {"kind", "seconds", *counts}}

    def words(self):
        """What it waits for: `TCP port 6379 answers`."""
        match self.kind:
            case "command":
                return f"{' '.join(self.command)} succeeds"
            case "tcp":
                return f"TCP port {self.port} answers"
            case "http":
                return f"http://…:{self.port}{self.path} answers"
        return KINDS[ALIVE]


def of(values):
    """The Probe of what was kept or typed; {} is the usual one. Raises BadInput, beside its field, for what is none."""
    probe = Probe(**values)
    if probe.kind not in KINDS:
        raise BadInput("There is no such check.", field="kind")
    if not 1 <= probe.seconds <= MOST_SECONDS:
        raise BadInput(f"1 to {MOST_SECONDS} seconds.", field="seconds")
    if probe.kind == COMMAND and not (probe.command and probe.command[0].strip()):
        raise BadInput("Which command?", field="command")
    if probe.kind in {TCP, HTTP} and not 1 <= probe.port <= 65535:
        raise BadInput("A port is a number from 1 to 65535.", field="port")
    if probe.kind == HTTP and not PATH.fullmatch(probe.path):
        raise BadInput("A path begins with / and has no spaces, such as /health.", field="path")
    return probe


def wait(podman, container, pid, probe, *, seconds=None):
    """The moment (time.monotonic) when the container was ready; raises NotReady when it ended before or took too long.

    `pid` is its first process. `seconds` may be given instead of the probe's own.
    """
    me, patience = process.identity(pid), probe.seconds if seconds is None else seconds
    begun = time.monotonic()
    if probe.kind == ALIVE:
        _require_alive_until(me, begun + ALIVE_FOR)
        return begun
    said = ""
    while (now := time.monotonic()) - begun < patience:
        passed, said = _try(podman, container, pid, probe)
        if passed:
            return time.monotonic()
        if not process.alive(me):
            raise NotReady(f"It ended after {time.monotonic() - begun:.1f} s, before it was ready.")
        time.sleep(max(0, BETWEEN - (time.monotonic() - now)))
    raise NotReady(
        f"It was not ready within {patience} s: {probe.words()} is what was waited for{f' ({said})' if said else ''}.",
        remedy="Look at the check, or give it more time.",
    )


def _require_alive_until(me, deadline):
    while time.monotonic() < deadline:
        if not process.alive(me):
            raise NotReady("It ended at once.")
        time.sleep(BETWEEN)


def _try(podman, container, pid, probe):
    """(passed, why not)."""
    if probe.kind == COMMAND:
        return _command(podman, container, probe)
    ask = {TCP: _tcp, HTTP: _http}[probe.kind]
    try:
        return in_network_of(pid, lambda: ask(probe), seconds=ONE_TRY)
    except (OSError, http.client.HTTPException, TimeoutError) as error:
        return False, str(error) or type(error).__name__


def _command(podman, container, probe):
    mark = f"FREEZEFRAME_EXEC={uuid.uuid4().hex}"
    try:
        result = podman.exec(container, probe.command, mark=mark, timeout=ONE_TRY, limit=COMMAND_OUTPUT)
    except CommandFailed as error:
        return False, error.message
    return result.exit_code == 0, f"exit code {result.exit_code}"


def _connection(port):
    for address in ("127.0.0.1", "::1"):
        with suppress(OSError):
            return socket.create_connection((address, port), timeout=ONE_TRY)
    return socket.create_connection(("127.0.0.1", port), timeout=ONE_TRY)


def _tcp(probe):
    _connection(probe.port).close()
    return True, ""


def _http(probe):
    connection = http.client.HTTPConnection("localhost", probe.port, timeout=ONE_TRY)
    connection.sock = _connection(probe.port)
    try:
        connection.request("GET", probe.path, headers={"Connection": "close"})
        status = connection.getresponse().status
    finally:
        connection.close()
    return 200 <= status < 400, f"status {status}"


def in_network_of(pid, function, *, seconds):
    """What `function()` returns when it is called in the network namespace of the process `pid`; what it raises too.

    In a thread of its own, for a namespace is a thread's (setns(2)) and this one ends with it. Raises TimeoutError when
    it takes longer than `seconds`; its sockets have timeouts of their own.
    """
    came = {}

    def run():
        try:
            _enter_network(pid)
            came["result"] = function()
        except (OSError, http.client.HTTPException) as error:
            came["error"] = error

    thread = threading.Thread(target=run, name=f"network-of-{pid}", daemon=True)
    thread.start()
    thread.join(seconds)
    if "error" in came:
        raise came["error"]
    if "result" not in came:
        raise TimeoutError(f"no answer within {seconds} s")
    return came["result"]


def _enter_network(pid):
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(f"/proc/{int(pid)}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.setns(descriptor, CLONE_NEWNET):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(descriptor)
