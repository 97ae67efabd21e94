"""The units of deploy/systemd as a real systemd runs them, hardening and all, on a machine made of this one's files."""

import pwd
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.live.site import CHECKOUT, wait_for

pytestmark = pytest.mark.live

BOOT = CHECKOUT / "tests" / "lab" / "boot"
NAMESPACES = ("--mount", "--net", "--pid", "--uts", "--ipc")
APP = "/opt/freezeframe/app"
CAP_DAC_OVERRIDE = 1  # capabilities(7)
SERVICES = ("redis", "web", "beat", "watcher", "worker")


class Machine:
    """A machine whose first process is systemd. `stop()` ends it with all that runs in it."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="ff-systemd-", dir="/var/tmp"))
        self.hierarchy = self.folder / "cgroup"
        self.cgroup = self.hierarchy / self.folder.name
        self.first = None

    def start(self):
        self.hierarchy.mkdir()
        subprocess.run(["mount", "-t", "cgroup2", "cgroup2", self.hierarchy], check=True)
        self.cgroup.mkdir()
        boot = shlex.join(map(str, [BOOT, self.folder, CHECKOUT, self.cgroup, sys.base_prefix]))
        join = f"echo $$ >{self.cgroup}/cgroup.procs; exec unshare --cgroup {boot}"
        with open(self.folder / "log", "wb") as log:
            self.first = subprocess.Popen(
                ["unshare", *NAMESPACES, "--fork", "--kill-child", "sh", "-c", join], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        wait_for(lambda: self._first_is("systemd"), f"systemd is the first process: {self.log()}")
        wait_for(lambda: self.run("systemctl", "is-active", "basic.target", check=False) == "active", "it is up")

    def stop(self):
        if self.first:
            self.first.send_signal(signal.SIGKILL)
            self.first.wait(timeout=30)
        for folder in sorted(self.cgroup.glob("**/"), reverse=True):
            wait_for(lambda folder=folder: _removed(folder), f"{folder} is empty")
        subprocess.run(["umount", "--lazy", self.hierarchy], check=True)
        shutil.rmtree(self.folder)

    def run(self, *command, check=True):
        """Run a command over there and return its output."""
        enter = [shutil.which("nsenter"), "--target", self._pid(), *NAMESPACES, "--cgroup", "--"]
        env = {"PATH": "/usr/sbin:/usr/bin", "FREEZEFRAME_DATA_DIR": "/var/lib/freezeframe"}
        done = subprocess.run(
            [*enter, "env", "--chdir", APP, *command], env=env, capture_output=True, text=True, timeout=60
        )
        assert not check or done.returncode == 0, f"{command}: {done.stderr}{done.stdout}"
        return done.stdout.strip()

    def logs(self):
        return self.run("sh", "-c", "tail -n 20 /run/freezeframe-*.log", check=False)

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def _pid(self):
        """systemd's number on this machine: unshare's only child."""
        return Path(f"/proc/{self.first.pid}/task/{self.first.pid}/children").read_text().split()[0]

    def _first_is(self, name):
        assert self.first.poll() is None, self.log()
        try:
            return Path(f"/proc/{self._pid()}/comm").read_text().strip() == name
        except (IndexError, FileNotFoundError):
            return False


def _removed(folder):
    try:
        folder.rmdir()
    except OSError:
        return not folder.exists()
    return True


@pytest.fixture
def machine():
    machine = Machine()
    try:
        machine.start()
        yield machine
    finally:
        machine.stop()


def test_the_units_start_together_and_none_that_hears_from_a_browser_is_root(machine):
    machine.run(".venv/bin/python", "manage.py", "prepare")
    machine.run("systemctl", "start", "freezeframe.target")
    said = machine.run(".venv/bin/python", "manage.py", "ready", "http://127.0.0.1:8000/")
    assert "Freezeframe is ready" in said, said

    units = [f"freezeframe-{name}.service" for name in SERVICES]
    for asked in (["is-active", *units], ["show", "--property=NRestarts", "--value", *units]):
        answer = "active" if asked[0] == "is-active" else "0"
        assert machine.run("systemctl", *asked).split() == [answer] * len(units), machine.logs()

    user = pwd.getpwnam("freezeframe")
    for name in ("redis", "web"):
        status = _status(machine, name)
        assert set(status["Uid"].split()) == {str(user.pw_uid)} and set(status["Gid"].split()) == {str(user.pw_gid)}
        assert set(status["Groups"].split()) <= {str(user.pw_gid)} and status["NoNewPrivs"] == "1"
        assert {int(status[kind], 16) for kind in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
        assert status["Seccomp"] == "2"
    assert int(_status(machine, "beat")["CapBnd"], 16) == 1 << CAP_DAC_OVERRIDE

    machine.run("systemctl", "stop", "freezeframe.target")
    ended = ["inactive"] * len(units)
    wait_for(lambda: machine.run("systemctl", "is-active", *units, check=False).split() == ended, "all units end well")


def _status(machine, name):
    pid = machine.run("systemctl", "show", "--property=MainPID", "--value", f"freezeframe-{name}.service")
    rows = machine.run("cat", f"/proc/{pid}/status").splitlines()
    return {key: value.strip() for key, value in (row.split(":", 1) for row in rows)}
