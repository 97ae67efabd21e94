"""A whole Freezeframe for the live and browser tests: real Podman in a store of its own, real CRIU, Redis, Celery, web.

Started by root, its web process and its Redis give root up as in production, and own their folders of the data
directory.
Its Podman has its own root, locks and network, so that nothing of this machine's containers is seen or touched. Every
process that is started here is ended here.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from django.conf import settings
from django.db import connection

from containers_app.runtime.process import resident_bytes

CHECKOUT = Path(__file__).resolve().parents[2]
DEADLINE = 60  # seconds that anything may take before a test gives up

CONTAINERS_CONF = """
[containers]
log_driver = "k8s-file"
[engine]
lock_type = "file"
events_logger = "file"
cgroup_manager = "cgroupfs"
[network]
network_backend = "netavark"
default_network = "fftest"
default_subnet = "{subnet}.0/24"
network_config_dir = "{folder}/networks"
"""


# Loopback speaks plain HTTP here; one short name leads to the registry of the tests.
REGISTRIES_CONF = """
[[registry]]
location = "127.0.0.1"
insecure = true
[aliases]
"ff-looper" = "{registry}/team/looper"
"""


def wait_for(condition, what, seconds=DEADLINE):
    """The first true value of `condition()`; fails the test with `what` when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


class Place:
    """What tests ask of a host whose Podman is at hand: this one's (Site), or the second one's (tests/lab)."""

    more_env = {}  # of the Podman that a test runs itself
    defaults = 'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]'  # `limits` as containers.conf has them

    def podman(self, *arguments, check=True, stdin=None):
        """Run this place's Podman and return its standard output."""
        raise NotImplementedError

    def host_path(self, path):
        """Where this machine sees a path of that host."""
        return Path(path)

    def logs(self, container):
        """The container's log lines so far."""
        return self.podman("logs", container).split()

    def state(self, container):
        found = json.loads(self.podman("container", "inspect", container, check=False) or "[]")
        return found[0]["State"]["Status"] if found else "gone"


class Site(Place):
    """Start it with `start()`; everything lies below `folder` and is gone after `stop()`."""

    host_name = "local"
    address = "127.0.0.1"  # where its published ports answer
    subnet = "10.213.77"  # of its containers, the first three numbers
    network = ()  # what leads a command of this machine into its network
    limits = ("--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024")  # of `podman run`: root may not raise any

    def __init__(self, folder: Path):
        self.folder = folder
        self.data = Path(settings.DATA_DIR)
        self.store = self.data / "archives"
        self.database_file = self.data / "db" / "live.sqlite3"
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.processes = {}
        conf = folder / "containers.conf"
        conf.write_text(CONTAINERS_CONF.format(folder=folder, subnet=self.subnet))
        (folder / "networks").mkdir()
        self.registry = f"127.0.0.1:{_free_port()}"  # where a test's registry serves (tests/live/registry.py)
        registries = folder / "registries.conf"
        registries.write_text(REGISTRIES_CONF.format(registry=self.registry))
        self.podman_command = [
            "podman", "--root", f"{folder}/root", "--runroot", f"{folder}/runroot", "--tmpdir", f"{folder}/tmp",
        ]  # fmt: skip
        self.env = {
            **os.environ,
            "CONTAINERS_CONF": str(conf),
            "CONTAINERS_REGISTRIES_CONF": str(registries),
            "DJANGO_SETTINGS_MODULE": "webui.settings",
            "DATABASE_URL": f"sqlite:///{self.database_file}",
            "FREEZEFRAME_DATA_DIR": str(self.data),
            "FREEZEFRAME_SELFTEST_HOURS": "0",
            "FREEZEFRAME_PODMAN": " ".join(self.podman_command),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }

    def resident_bytes(self, pid):
        """runtime.process.resident_bytes of a process of this host."""
        return resident_bytes(pid)

    def start(self):
        self._run([sys.executable, "manage.py", "prepare"])
        self.start_redis()
        self.start_watcher()
        self.start_worker()
        self._spawn("beat", ["celery", "--app", "webui.celery", "beat", "--loglevel", "WARNING"])
        self._spawn("web", [sys.executable, "-m", "webui.web", "--port", str(self.port), "--grace", "1"])
        self._run([sys.executable, "manage.py", "ready", self.url])

    def start_redis(self):
        socket_file = self.data / "run" / "redis.sock"
        socket_file.unlink(missing_ok=True)
        self._spawn("redis", ["script/redis"])
        wait_for(socket_file.exists, "Redis listens")

    def start_watcher(self):
        self._spawn("watcher", [sys.executable, "manage.py", "watch"])

    def start_worker(self, **env):
        """A worker; `env` overrides its environment (a store that is full, a Podman that fails)."""
        command = [
            "celery",
            "--app",
            "webui.celery",
            "worker",
            "--loglevel",
            "INFO",
            "--without-gossip",
            "--without-mingle",
        ]
        self._spawn("worker", command, **env)

    def restart_worker(self, **env):
        self.end("worker")
        self.start_worker(**env)

    def end(self, name, with_signal=signal.SIGTERM):
        """End one of the processes that were started here, and wait until it is gone."""
        process = self.processes.pop(name, None)
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, with_signal)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def stop(self):
        for name in ("web", "beat", "worker", "watcher"):
            self.end(name)
        self.podman("rm", "--all", "--force", check=False)
        self.podman("rmi", "--all", "--force", check=False)
        self.end("redis")
        for mount in ("root/overlay", "root"):
            subprocess.run(["umount", "--lazy", f"{self.folder}/{mount}"], check=False, stderr=subprocess.DEVNULL)

    def podman(self, *arguments, check=True, stdin=None):
        env = {**self.env, "PATH": f"/opt/freezeframe/bin:{self.env['PATH']}", **self.more_env}
        done = subprocess.run(
            [*self.podman_command, *arguments], env=env, input=stdin, capture_output=True, timeout=300, check=False
        )
        if check and done.returncode:
            raise AssertionError(f"podman {' '.join(arguments)}: {done.stderr.decode()}")
        return done.stdout.decode()

    @contextlib.contextmanager
    def database(self):
        """This test's Django connection speaks with the site's database.

        The one before is kept, not closed: it may be the tests' own in memory, which Django never closes.
        """
        before, name = connection.connection, connection.settings_dict["NAME"]
        connection.connection, connection.settings_dict["NAME"] = None, str(self.database_file)
        try:
            yield
        finally:
            connection.close()
            connection.connection, connection.settings_dict["NAME"] = before, name

    def log_of(self, name):
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _spawn(self, name, command, **env):
        with open(self.folder / f"{name}.log", "ab") as log:
            self.processes[name] = subprocess.Popen(
                command, cwd=CHECKOUT, env={**self.env, **env}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def _run(self, command):
        done = subprocess.run(command, cwd=CHECKOUT, env=self.env, capture_output=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()
        self.ready_line = done.stdout.decode().strip()


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
