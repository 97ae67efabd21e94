"""Is it ready: what a check may be, and that it waits for a real process, port and answer."""

import os
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from containers_app.errors import BadInput, CommandFailed
from containers_app.runtime import probes
from containers_app.runtime.probes import NotReady, Probe
from containers_app.runtime.types import CommandResult


@pytest.fixture
def sleeper():
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("kind", {"kind": "magic"}),
        ("command", {"kind": "command"}),
        ("command", {"kind": "command", "command": [" "]}),
        ("port", {"kind": "tcp"}),
        ("port", {"kind": "tcp", "port": 70_000}),
        ("path", {"kind": "http", "port": 80, "path": "health"}),
        ("path", {"kind": "http", "port": 80, "path": "/a b"}),
        ("path", {"kind": "http", "port": 80, "path": "/\r\nHost: x"}),
        ("seconds", {"seconds": 0}),
    ],
)
def test_what_cannot_be_a_check_is_said_beside_its_field(field, values):
    with pytest.raises(BadInput) as refused:
        probes.of(values)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("probe", "kept", "words"),
    [
        (Probe(), {}, "its process is alive"),
        (Probe("tcp", port=6379), {"kind": "tcp", "port": 6379, "seconds": 60}, "TCP port 6379 answers"),
        (
            Probe("http", port=80, path="/up", seconds=9),
            {"kind": "http", "port": 80, "path": "/up", "seconds": 9},
            "http://…:80/up answers",
        ),
        (Probe("command", ["true"]), {"kind": "command", "command": ["true"], "seconds": 60}, "true succeeds"),
    ],
)
def test_a_check_is_kept_as_what_counts_for_it(probe, kept, words):
    assert probe.as_json() == kept and probes.of(kept) == probe and probe.words() == words


def test_a_process_that_lives_on_is_alive(sleeper):
    assert probes.wait(None, "c", sleeper.pid, Probe()) <= time.monotonic()


def test_a_process_that_ends_is_not_ready(sleeper):
    threading.Timer(0.2, sleeper.kill).start()
    with pytest.raises(NotReady, match="ended"):
        probes.wait(None, "c", sleeper.pid, Probe())


def test_a_port_is_waited_for(sleeper):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        threading.Timer(0.3, server.listen).start()
        begun = time.monotonic()
        ready = probes.wait(None, "c", sleeper.pid, Probe("tcp", port=server.getsockname()[1]))
    assert 0.25 < ready - begun < 3


class Health(BaseHTTPRequestHandler):
    status = 503

    def do_GET(self):
        self.send_response(Health.status)
        self.end_headers()
        Health.status = 204

    def log_message(self, *arguments):
        pass


def test_an_http_address_is_asked_until_it_answers_well(sleeper):
    with HTTPServer(("127.0.0.1", 0), Health) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        probes.wait(None, "c", sleeper.pid, Probe("http", port=server.server_port, path="/health"))
        server.shutdown()
    assert Health.status == 204


def test_what_does_not_answer_in_time_is_not_ready_and_says_what_was_waited_for(sleeper):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(NotReady, match=f"TCP port {port} answers is what was waited for"):
            probes.wait(None, "c", sleeper.pid, Probe("tcp", port=port), seconds=0.2)


def test_a_command_is_run_until_it_succeeds(sleeper):
    ends = iter([1, 1, 0])

    class Podman:
        def exec(self, container, argv, **values):
            assert (container, argv) == ("c", ["ready"])
            return CommandResult([], next(ends), "", "")

    probes.wait(Podman(), "c", sleeper.pid, Probe("command", ["ready"]))
    assert next(ends, None) is None


def test_a_command_that_hangs_is_a_try_that_failed(sleeper):
    class Podman:
        def exec(self, *arguments, **values):
            raise CommandFailed("ready did not end within 5 s.")

    with pytest.raises(NotReady, match="did not end"):
        probes.wait(Podman(), "c", sleeper.pid, Probe("command", ["ready"]), seconds=0.1)


def test_an_answer_that_never_ends_is_no_answer():
    with pytest.raises(TimeoutError):
        probes.in_network_of(os.getpid(), lambda: time.sleep(3), seconds=0.1)
