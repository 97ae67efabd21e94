"""`script/server` as a person runs it: a ready line, what is killed comes back, Ctrl-C leaves nothing behind."""

import os
import pwd
import re
import signal
import socket
import subprocess
import tempfile
import urllib.request
from pathlib import Path

import pytest

from containers_app.runtime import process
from tests.live.site import CHECKOUT, _free_port, wait_for

pytestmark = pytest.mark.live


def descendants(pid):
    """{pid: command} of everything below `pid`, whatever session it is in."""
    found, waiting = {}, [pid]
    while waiting:
        for task in Path(f"/proc/{waiting.pop()}/task").glob("*"):
            for child in map(int, (task / "children").read_text().split()):
                found[child] = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode()
                waiting.append(child)
    return found


@pytest.fixture
def server(site):
    """A second Freezeframe, started by script/server with a data directory and a port of its own."""
    with tempfile.TemporaryDirectory(prefix="ff-s-") as folder:
        env = {
            name: value for name, value in site.env.items() if name not in {"DATABASE_URL", "DJANGO_SETTINGS_MODULE"}
        }
        env |= {"FREEZEFRAME_DATA_DIR": folder, "FREEZEFRAME_HOST": "second"}
        started = subprocess.Popen(
            ["script/server", "--port", str(_free_port())], cwd=CHECKOUT, env=env, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        started.data = folder
        try:
            yield started
        finally:
            if started.poll() is None:
                started.send_signal(signal.SIGINT)
                started.wait(timeout=90)


def ready_line(started):
    lines = iter(started.stdout.readline, "")
    return next(line for line in lines if "is ready" in line)


def test_it_says_when_it_is_ready_restarts_what_dies_and_leaves_nothing_behind(site, operator, server):
    line = ready_line(server)
    address = re.search(r"http://\S+", line)[0]
    assert re.search(r"sign in as admin with the password \S{20}", line)
    assert urllib.request.urlopen(f"{address}sign-in/", timeout=10).status == 200

    workers = [pid for pid, command in descendants(server.pid).items() if "celery" in command and "worker" in command]
    os.kill(workers[0], signal.SIGKILL)
    wait_for(
        lambda: [
            pid for pid, command in descendants(server.pid).items() if " worker" in command and pid not in workers
        ],
        "the worker is started again",
    )

    operator.sample_image()
    site.podman("run", "--detach", "--name", "stays", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024",
                "localhost/freezeframe-sample:1", "/bin/sh", "-c", "sleep 9999")  # fmt: skip
    below = descendants(server.pid)
    assert len(below) >= 5
    server.send_signal(signal.SIGINT)
    assert server.wait(timeout=90) == 0
    wait_for(lambda: not any(process.identity(pid) for pid in below), f"all of {below} have ended")
    assert site.state("stays") == "running"


def test_a_port_that_is_taken_is_said_so(site):
    done = subprocess.run(
        ["script/server", "--port", str(site.port)],
        cwd=CHECKOUT,
        env=site.env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1 and "is taken" in done.stderr


def test_the_web_process_has_given_root_up_and_reaches_nothing_that_is_roots(site, operator, server, tmp_path):
    """Neither Podman's socket, nor the store, the audit key and the secret key, nor what belongs to another process."""
    line = ready_line(server)
    data = Path(server.data)
    below = descendants(server.pid)
    web = next(pid for pid, command in below.items() if "webui.web" in command)
    redis = next(pid for pid, command in below.items() if "redis.sock" in command)
    user = pwd.getpwnam("freezeframe")
    for pid in (web, redis, site.processes["web"].pid):  # that of all the other live and browser tests as well
        status = dict(row.split(":\t", 1) for row in Path(f"/proc/{pid}/status").read_text().splitlines())
        assert status["Uid"].split() == [str(user.pw_uid)] * 4 and status["Gid"].split() == [str(user.pw_gid)] * 4
        assert status["Groups"].strip() == "" and status["NoNewPrivs"] == "1"
        assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0

    podman_socket = tmp_path / "podman.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(podman_socket))  # as `podman system service` makes it: of root alone
        podman_socket.chmod(0o660)
        listening.listen()
        archive = data / "archives" / "someones.tar.zst"
        archive.parent.mkdir(mode=0o700, exist_ok=True)
        archive.write_bytes(b"memory")
        for path in (tmp_path, *list(tmp_path.parents)[:-2]):
            path.chmod(0o755)  # so that it is the socket itself that refuses
        tried = {
            path: _as_web_user(user, f"open({str(path)!r}, 'rb').read()")
            for path in (archive, data / "audit_key", data / "secret_key", data / "log" / "worker.log", "/etc/shadow")
        }
        tried["podman"] = _as_web_user(user, f"socket.socket(socket.AF_UNIX).connect({str(podman_socket)!r})")
        tried["overwrite"] = _as_web_user(user, f"open({str(data / 'agent' / 'x')!r}, 'w')")
        tried["replace"] = _as_web_user(user, f"os.rename({str(data / 'archives')!r}, {str(data / 'run' / 'a')!r})")
    assert {name: result for name, result in tried.items() if result != "PermissionError"} == {}
    assert _as_web_user(user, f"os.listdir({str(data / 'run')!r})") == "done"

    address = re.search(r"http://\S+", line)[0]
    assert urllib.request.urlopen(f"{address}sign-in/", timeout=10).status == 200
    assert "runs as root" not in (data / "log" / "web.log").read_text()


def _as_web_user(user, act):
    """ "done", or the name of the error that the web user gets for it."""
    code = f"import os, socket, sys\ntry:\n    {act}\nexcept OSError as error:\n    sys.exit(type(error).__name__)"
    ended = subprocess.run(
        ["/usr/bin/python3", "-c", code], user=user.pw_uid, group=user.pw_gid, extra_groups=[], cwd="/",
        capture_output=True, text=True,
    )  # fmt: skip
    return ended.stderr.strip() or "done"
