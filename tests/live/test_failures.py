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
TALKS = (
    "import socket, time; a = socket.create_server(('127.0.0.1', 7000)); "
    "b = socket.create_connection(('127.0.0.1', 7000)); c = a.accept(); print('ready', flush=True); time.sleep(9999)"
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

    def taken(self, *flags, name="looper", image=lifecycle.SAMPLE_IMAGE):
        """The command that restores an archive of a container that is gone."""
        self.run(name, *flags, image=image)
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


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        (LOCK, "file-locks-dump"),
        (WATCH, "inotify-overlay"),
        (GHOST, "ghost-too-big"),
        (TALKS, "tcp-established-dump"),
    ],
    ids=["lock", "watch", "deleted", "connection"],
)
def test_what_criu_cannot_dump_is_explained_from_its_log(provoke, code, failure):
    provoke.python("it", code)
    assert provoke.why("container", "checkpoint", "it", log_of="it") == failure


def test_a_container_that_was_only_created(site, provoke):
    site.podman("create", "--name", "it", lifecycle.SAMPLE_IMAGE, "/bin/sh")
    assert provoke.why("container", "checkpoint", "it") == "checkpoint-not-running"


def test_a_container_that_is_not_there(provoke):
    assert provoke.why("container", "checkpoint", "nothing") == "no-such-container"


def test_a_container_that_removes_itself(provoke):
    provoke.run("it", "--rm")
    assert provoke.why("container", "checkpoint", "it") == "checkpoint-rm-needs-export"


def test_an_export_that_has_no_room(provoke, tmp_path):
    provoke.run("it")
    full = tmp_path / "full"
    full.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(full)], check=True)
    try:
        export = ["--compress", "none", "--export", str(full / "x.tar")]
        assert provoke.why("container", "checkpoint", *export, "it") == "no-space"
    finally:
        subprocess.run(["umount", str(full)], check=True)


def test_an_export_into_no_folder(provoke):
    provoke.run("it")
    assert provoke.why("container", "checkpoint", "--export", "/nonexistent/x.tar", "it") == "export-path"


def test_a_restore_of_what_was_not_checkpointed(site, provoke):
    provoke.run("it")
    assert provoke.why("container", "restore", "it") == "restore-running"
    site.podman("kill", "it")
    assert provoke.why("container", "restore", "it") == "restore-no-checkpoint"


def test_a_name_that_is_taken(provoke):
    restore = provoke.taken()
    provoke.run("looper")
    assert provoke.why(*restore) == "name-in-use"


def test_a_port_that_is_taken(provoke):
    published = f"--publish=127.0.0.1:{_free_port()}:80"
    restore = provoke.taken(published)
    provoke.run("other", published)
    assert provoke.why(*restore) == "port-in-use"


def test_an_address_that_is_taken(site, provoke):
    address = f"--ip={site.subnet}.77"
    restore = provoke.taken(address)
    provoke.run("other", address)
    assert provoke.why(*restore) == "static-ip-taken"


def test_another_runtime(provoke):
    assert provoke.why("--runtime", "crun", *provoke.taken()) == "restore-runtime-mismatch"


def test_a_damaged_archive_and_what_is_none(provoke):
    restore = provoke.taken()
    whole = provoke.archive.read_bytes()
    for broken in (whole[: len(whole) // 2], b"hello"):
        provoke.archive.write_bytes(broken)
        assert provoke.why(*restore) == "archive-truncated"


def test_a_volume_that_is_there(provoke):
    assert provoke.why(*provoke.taken("--volume=ff-there:/data")) == "volume-exists"


def test_a_network_that_is_gone(site, provoke):
    site.podman("network", "create", "ff-gone")
    restore = provoke.taken("--network=ff-gone")
    site.podman("network", "rm", "ff-gone")
    assert provoke.why(*restore) == "network-missing"


def test_a_mounted_path_that_is_gone(provoke, tmp_path):
    (tmp_path / "data").mkdir()
    restore = provoke.taken(f"--volume={tmp_path}/data:/data")
    (tmp_path / "data").rmdir()
    assert provoke.why(*restore) == "bind-source-missing"


def test_a_pod_that_is_not_wanted(provoke):
    assert provoke.why(*provoke.taken(), "--pod", "none") == "pod-not-wanted"


def test_an_image_that_is_gone(site, provoke):
    site.podman("tag", lifecycle.SAMPLE_IMAGE, "localhost/once:1")
    restore = provoke.taken(image="localhost/once:1")
    site.podman("rmi", "localhost/once:1", lifecycle.SAMPLE_IMAGE)
    assert provoke.why(*restore) == "pull-registry-unreachable"


def test_an_image_that_cannot_be_fetched(provoke):
    assert provoke.why("pull", "127.0.0.1:1/x:1") == "pull-registry-unreachable"
    assert provoke.why("pull", "nosuchshortname") == "pull-shortname"
