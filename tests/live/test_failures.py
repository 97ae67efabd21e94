"""Failures that are provoked with the real Podman, runc and CRIU: each is explained as what it is."""

import subprocess

import pytest

from containers_app.runtime import criu
from containers_app.runtime.explain import explain
from containers_app.services import lifecycle
from tests.live import images
from tests.live.conftest import LOOP
from tests.live.site import _free_port, wait_for

pytestmark = pytest.mark.live

LOCK = "import fcntl, time; f = open('/lock', 'w'); fcntl.flock(f, 2); print('ready', flush=True); time.sleep(9999)"
WATCH = (
    "import ctypes, time; libc = ctypes.CDLL(None); libc.inotify_add_watch(libc.inotify_init(), b'/usr', 2); "
    "print('ready', flush=True); time.sleep(9999)"
)
GHOST = (
    "import os, time; f = open('/big', 'wb'); f.write(b'x' * 3000000); f.flush(); os.unlink('/big'); "
    "print('ready', flush=True); time.sleep(9999)"
)
URING = (
    "import ctypes, time; libc = ctypes.CDLL(None); p = ctypes.create_string_buffer(256); "
    "print('ready' if libc.syscall(425, 4, p) >= 0 else 'none', flush=True); time.sleep(9999)"
)


class Provoker:
    """Runs the site's Podman so that it fails, and says how Freezeframe explains that."""

    def __init__(self, site, tmp_path):
        self.site, self.folder = site, tmp_path
        self.archive = tmp_path / "looper.tar"

    def run(self, name, *flags, command=("/bin/sh", "-c", LOOP), image=lifecycle.SAMPLE_IMAGE):
        self.site.podman("run", "--detach", "--name", name, *self.site.limits, *flags, image, *command)

    def python(self, name, code):
        """A container with a Python program, once it says that it is ready."""
        self.run(name, image=images.build(self.site, "python"), command=("python3", "-c", code))
        said = wait_for(lambda: self.site.podman("logs", name).split(), "it says something")
        return said[0]

    def taken(self, *flags, name="looper"):
        """An archive of a container that is gone."""
        self.run(name, *flags)
        self.site.podman("container", "checkpoint", "--compress", "none", "--export", str(self.archive), name)
        self.site.podman("rm", name)
        return ["container", "restore", "--import", str(self.archive)]

    def why(self, *arguments, log_of="", log="dump.log"):
        """The id of the explanation of a Podman command that must fail."""
        env = {**self.site.env, "PATH": f"/opt/freezeframe/bin:{self.site.env['PATH']}"}
        command = [*self.site.podman_command, *arguments]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode != 0, f"it was expected to fail: {arguments}"
        found = explain(done.stderr, self._log(log_of, log) if log_of else "")
        assert found, f"not explained: {done.stderr[-600:]}"
        assert found.cause and found.remedy
        return found.id

    def _log(self, name, log):
        folder = self.site.podman("container", "inspect", "--format", "{{.StaticDir}}", name).strip()
        return criu.read_log(self.site.host_path(folder), log)


@pytest.fixture
def provoke(site, operator, tmp_path):
    operator.sample_image()
    yield Provoker(site, tmp_path)
    site.podman("rm", "--all", "--force", "--time", "0", check=False)
    site.podman("volume", "prune", "--force", check=False)


def test_explore(provoke, tmp_path, site):
    def t(label, f):
        try:
            print("EXPLORE", label, f())
        except BaseException as e:
            print("EXPLORE", label, "FAILED", repr(str(e))[:700])
        site.podman("rm", "--all", "--force", "--time", "0", check=False)
        site.podman("volume", "prune", "--force", check=False)

    p = provoke

    def created():
        site.podman("create", "--name", "c", lifecycle.SAMPLE_IMAGE, "/bin/sh")
        return p.why("container", "checkpoint", "c")

    t("created", created)
    t("nothing", lambda: p.why("container", "checkpoint", "nothing"))

    def lock():
        p.python("c", LOCK)
        return p.why("container", "checkpoint", "c", log_of="c")

    t("lock", lock)

    def watch():
        p.python("c", WATCH)
        return p.why("container", "checkpoint", "c", log_of="c")

    t("watch", watch)

    def ghost():
        p.python("c", GHOST)
        return p.why("container", "checkpoint", "c", log_of="c")

    t("ghost", ghost)

    def uring():
        said = p.python("c", URING)
        return said, p.why("container", "checkpoint", "c", log_of="c")

    t("uring", uring)

    def tcp():
        p.run(
            "c",
            command=(
                "/bin/sh",
                "-c",
                "busybox nc -ll -p 7000 -e /bin/cat & sleep 1; (sleep 1000 | busybox nc 127.0.0.1 7000) & echo ready; sleep 1000",
            ),
        )
        wait_for(lambda: "ready" in site.podman("logs", "c"), "r")
        import time

        time.sleep(1)
        return p.why("container", "checkpoint", "c", log_of="c")

    t("tcp", tcp)

    def rm():
        p.run("c", "--rm")
        return p.why("container", "checkpoint", "c")

    t("rm", rm)

    def name():
        r = p.taken()
        p.run("looper")
        return p.why(*r)

    t("name taken", name)

    def port():
        n = _free_port()
        r = p.taken(f"--publish=127.0.0.1:{n}:80")
        p.run("other", f"--publish=127.0.0.1:{n}:80")
        return p.why(*r)

    t("port", port)

    def runtime():
        r = p.taken()
        return p.why("--runtime", "crun", *r)

    t("runtime", runtime)

    def damaged():
        r = p.taken()
        data = p.archive.read_bytes()
        p.archive.write_bytes(data[: len(data) // 2])
        return p.why(*r)

    t("truncated", damaged)

    def text():
        p.archive.write_text("hello")
        return p.why("container", "restore", "--import", str(p.archive))

    t("text", text)

    def vol():
        r = p.taken("--volume=ff-v:/data")
        return p.why(*r)

    t("volume", vol)

    def full():
        p.run("c")
        (tmp_path / "t").mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path / "t")], check=True)
        try:
            return p.why(
                "container", "checkpoint", "--compress", "none", "--export", str(tmp_path / "t" / "x.tar"), "c"
            )
        finally:
            subprocess.run(["umount", str(tmp_path / "t")])

    t("full", full)

    def notck():
        p.run("c")
        site.podman("kill", "c")
        return p.why("container", "restore", "c")

    t("not checkpointed", notck)

    def running():
        p.run("c")
        return p.why("container", "restore", "c")

    t("running", running)

    def ip():
        r = p.taken(f"--ip={site.subnet}.77")
        p.run("o", f"--ip={site.subnet}.77")
        return p.why(*r)

    t("ip", ip)

    def pod():
        r = p.taken()
        return p.why(*r, "--pod", "nopod")

    t("pod", pod)

    def folder():
        p.run("c")
        return p.why("container", "checkpoint", "--export", "/nonexistent/x.tar", "c")

    t("folder", folder)

    def net():
        site.podman("network", "create", "ffx")
        r = p.taken("--network=ffx")
        site.podman("network", "rm", "ffx")
        return p.why(*r)

    t("network", net)

    def bind():
        (tmp_path / "b").mkdir()
        r = p.taken(f"--volume={tmp_path}/b:/b")
        (tmp_path / "b").rmdir()
        return p.why(*r)

    t("bind", bind)

    def image():
        site.podman("tag", lifecycle.SAMPLE_IMAGE, "localhost/once:1")
        p.run("looper", image="localhost/once:1")
        site.podman("container", "checkpoint", "--compress", "none", "--export", str(p.archive), "looper")
        site.podman("rm", "looper")
        site.podman("rmi", "localhost/once:1", lifecycle.SAMPLE_IMAGE)
        return p.why("container", "restore", "--import", str(p.archive))

    t("image", image)
    t("command", lambda: (p.site, p.why("run", *site.limits, "localhost/freezeframe-sample:1", "/nope")))
    t("pullnone", lambda: p.why("pull", "127.0.0.1:1/x:1"))
    t("short", lambda: p.why("pull", "nosuchshort"))

    def nameuse():
        p.run("c")
        return p.why("create", "--name", "c", lifecycle.SAMPLE_IMAGE)

    t("nameuse", nameuse)

    def rmrunning():
        p.run("c")
        return p.why("rm", "c")

    t("rmrunning", rmrunning)

    def rmi():
        p.run("c")
        return p.why("rmi", lifecycle.SAMPLE_IMAGE)

    t("rmi", rmi)
    assert 0
