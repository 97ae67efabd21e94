"""The second host: a newer Podman in a tree and namespaces of its own, with an agent of this checkout's code.

It shares the database, the Redis socket and the archive store with a running Site, as hosts of a team do. Everything
that is started here lives in one PID namespace: it ends with that, whatever happened to the tests.
"""

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
from pathlib import Path

from tests.live.site import CHECKOUT, REGISTRIES_CONF, Place, wait_for

HERE = Path(__file__).parent
NAMESPACES = ("--mount", "--net", "--pid", "--uts", "--ipc")
CONTAINERS_CONF = """
[containers]
log_driver = "k8s-file"
[engine]
events_logger = "file"
cgroup_manager = "cgroupfs"
runtime = "runc"
[network]
default_network = "fflab"
default_subnet = "{subnet}.0/24"
network_config_dir = "/var/lib/containers/networks"
"""
NUMBERS = itertools.count(os.getpid() % 50)  # two test runs on one machine get different cables


class Lab(Place):
    """Start it with `start()` beside a running site; `stop()` ends and unmounts everything."""

    host_name = "lab"
    subnet = "10.213.78"
    defaults = "pids_limit = 0"
    registry = "127.0.0.1:5000"  # in a network of its own, so the port is free
    limits = ("--pids-limit=0",)  # of `podman run`: its cgroup may have no `pids` controller

    def __init__(self, site):
        self.site = site
        self.data, self.store, self.url = site.data, site.store, site.url
        self.folder = site.folder / "lab"
        self.number = next(NUMBERS)
        self.address = f"169.254.213.{self.number * 4 + 2}"  # where its published ports answer: see `enter`
        self.init = None
        self.processes = {}

    def start(self):
        self.boot()
        self.start_watcher()
        self.start_worker()

    def boot(self):
        """The second host without an agent."""
        built = subprocess.run([HERE / "build"], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True, check=True)
        (self.folder / "networks").mkdir(parents=True)
        (self.folder / "containers.conf").write_text(CONTAINERS_CONF.format(subnet=self.subnet))
        (self.folder / "registries.conf").write_text(REGISTRIES_CONF.format(registry=self.registry))
        arguments = [*built.stdout.split(), self.folder, self.data, CHECKOUT, str(os.getpid()), str(self.number)]
        with open(self.folder / "init.log", "wb") as log:
            self.init = subprocess.Popen(
                ["unshare", *NAMESPACES, "--fork", "--kill-child", HERE / "enter", *arguments],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True,
            )  # fmt: skip
        if self.init.stdout.readline() != b"up\n":
            self._end_first_process()
            raise AssertionError(f"the second host did not start: {self.log_of('init')}")

    def start_watcher(self):
        self._spawn("watcher", ["python3", "manage.py", "watch"])

    def start_worker(self, **env):
        worker = ["worker", "--loglevel", "INFO", "--without-gossip", "--without-mingle"]
        self._spawn("worker", ["python3", "-m", "celery", "--app", "webui.celery", *worker], **env)

    def end(self, name, with_signal=signal.SIGTERM):
        """End one of the agent's processes, and wait until it is gone."""
        process = self.processes.pop(name, None)
        if process is None:
            return
        # nsenter(1) stays the parent of what it starts, but passes no signal on: the whole group gets it.
        for number in (with_signal, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, AssertionError):
                os.killpg(process.pid, number)
                process.wait(timeout=30)
                wait_for(lambda: not _group_is_there(process.pid), f"{name} ends", seconds=20)

    def stop(self):
        """End the agent, remove the containers, and end the second host with all that still runs in it."""
        if self.init is None:
            return
        try:
            for name in list(self.processes):
                self.end(name)
            self.podman("rm", "--all", "--force", "--time", "0", check=False)
            self.run("ip", "link", "delete", "lab0", check=False)  # now: the kernel would take its time
        finally:
            self._end_first_process()

    def _end_first_process(self):
        self.init.stdin.close()
        self.init.wait(timeout=30)
        self.init.stdout.close()
        self.init = None

    def resident_bytes(self, pid):
        """What runtime.process.resident_bytes says over there: process numbers are the second host's own."""
        code = f"from containers_app.runtime import process; print(process.resident_bytes({int(pid)}))"
        return int(self.run("env", "--chdir=/srv/freezeframe", "python3", "-c", code))

    @property
    def podman_command(self):
        """The argument list that runs the second host's Podman from here."""
        return self._enter(["podman"])

    def run(self, *command, check=True, stdin=None):
        """Run a command on the second host and return its standard output."""
        done = subprocess.run(
            self._enter(command),
            env=self._environment(**self.more_env),
            input=stdin,
            capture_output=True,
            timeout=300,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)}: {done.stderr.decode()}")
        return done.stdout.decode()

    def podman(self, *arguments, check=True, stdin=None):
        return self.run("podman", *arguments, check=check, stdin=stdin)

    def log_of(self, name):
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _enter(self, command):
        return [shutil.which("nsenter"), "--target", self.first_process, *NAMESPACES, "--", *command]

    def host_path(self, path):
        return Path(f"/proc/{self.first_process}/root", str(path).lstrip("/"))

    @property
    def network(self):
        """What leads a command of this machine into the second host's network, with this machine's files."""
        return [shutil.which("nsenter"), "--target", self.first_process, "--net", "--"]

    @property
    def first_process(self):
        """The host's own number of the second host's first process: unshare's only child."""
        return Path(f"/proc/{self.init.pid}/task/{self.init.pid}/children").read_text().split()[0]

    def _environment(self, **env):
        return {
            "PATH": "/usr/sbin:/usr/bin",
            "HOME": "/root",
            "LC_ALL": "C.UTF-8",
            "CONTAINERS_REGISTRIES_CONF": "/var/lib/containers/registries.conf",
            "PYTHONPATH": "/opt/packages",
            "PYTHONDONTWRITEBYTECODE": "1",
            "DJANGO_SETTINGS_MODULE": "webui.settings",
            "DATABASE_URL": f"sqlite:////srv/data/{self.site.database_file.relative_to(self.data)}",
            "FREEZEFRAME_DATA_DIR": "/srv/data",
            "FREEZEFRAME_SELFTEST_HOURS": "0",
            "FREEZEFRAME_HOST": self.host_name,
            **env,
        }

    def _spawn(self, name, command, **env):
        shell = ["sh", "-c", 'cd /srv/freezeframe && exec "$@"', "sh", *command]
        with open(self.folder / f"{name}.log", "ab") as log:
            self.processes[name] = subprocess.Popen(
                self._enter(shell), env=self._environment(**env), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip


def _group_is_there(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
