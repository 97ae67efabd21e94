"""Failures that are provoked with the real Podman, runc and CRIU: each is foreseen, and explained as what it is."""

import socket
import subprocess

import pytest

from containers_app.errors import Unavailable
from containers_app.models import Container, KeptImage
from containers_app.runtime import archive, criu
from containers_app.runtime.explain import explain
from containers_app.runtime.types import CheckpointOptions, RestoreOptions
from containers_app.services import lifecycle, preflights
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
MULTIPATH = (
    "import socket, time; s = socket.socket(2, 1, 262); s.bind(('0.0.0.0', 80)); s.listen(); "
    "print('ready', flush=True); time.sleep(9999)"
)
OUTSIDE = (
    "import socket, time; s = socket.socket(socket.AF_UNIX); s.connect('/outside/socket'); "
    "print('ready', flush=True); time.sleep(9999)"
)
DEAF = "import socket, time; s = socket.create_server(('0.0.0.0', 7000)); print('ready', flush=True); time.sleep(9999)"


class Provoker:
    """Runs the site's Podman so that it fails, and says how Freezeframe had foreseen and explains that."""

    def __init__(self, site, operator, tmp_path):
        self.site, self.operator = site, operator
        self.archive = tmp_path / "looper.tar"
        self.checkpoint = None

    def run(self, name, *flags, command=("/bin/sh", "-c", LOOP), image=lifecycle.SAMPLE_IMAGE):
        """The container of that name, as the inventory sees it running."""
        self.site.podman("run", "--detach", "--name", name, *self.site.limits, *flags, image, *command)
        return wait_for(Container.objects.filter(name=name, removed_at=None, state="running").first, f"{name} runs")

    def python(self, name, code, *flags):
        """A container with a Python program, once it says that it is ready."""
        found = self.run(name, *flags, image=images.build(self.site, "python"), command=("python3", "-c", code))
        wait_for(lambda: self.site.podman("logs", name).split(), "it says something")
        return found

    def taken(self, *flags, image=lifecycle.SAMPLE_IMAGE):
        """The command that restores a checkpoint of the catalog whose container is gone."""
        container = self.run("looper", *flags, image=image)
        self.checkpoint = self.operator.checkpoint(container)
        self.operator.remove(container)
        with open(self.site.store / f"{self.checkpoint.archive_sha256}.tar.zst", "rb") as packed:
            archive.unpack(packed, self.archive, sha256=self.checkpoint.archive_sha256)
        return ["container", "restore", "--import", str(self.archive)]

    def foreseen(self, about=None, **options):
        """Keys of what the preflight finds in the way: of a checkpoint of a container, or of the restore of `taken`."""
        if about:
            found = preflights.ask_checkpoint(about, CheckpointOptions(**options))
        else:
            found = preflights.ask_restore(self.checkpoint, RestoreOptions(**options))
        return {finding["key"] for finding in found if finding["level"] != "pass"}

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
    yield Provoker(site, operator, tmp_path)
    site.podman("rm", "--all", "--force", "--time", "0", check=False)
    site.podman("volume", "prune", "--force", check=False)


@pytest.mark.parametrize(
    ("code", "key", "failure"),
    [
        (LOCK, "file-locks", "file-locks-dump"),
        (WATCH, "inotify", "inotify-overlay"),
        (GHOST, "ghost-file", "ghost-too-big"),
        (TALKS, "tcp-established", "tcp-established-dump"),
        (MULTIPATH, "unsupported", "mptcp"),
    ],
    ids=["lock", "watch", "deleted", "connection", "multipath"],
)
def test_what_criu_cannot_dump_is_foreseen_and_explained_from_its_log(provoke, code, key, failure):
    assert provoke.foreseen(provoke.python("it", code)) == {key}
    assert provoke.why("container", "checkpoint", "it", log_of="it") == failure


def test_a_socket_that_leads_out_of_the_container(provoke, tmp_path):
    with socket.socket(socket.AF_UNIX) as outside:
        outside.bind(str(tmp_path / "socket"))
        outside.listen()
        container = provoke.python("it", OUTSIDE, f"--volume={tmp_path}:/outside")
        with outside.accept()[0]:
            assert provoke.foreseen(container) == {"external", "binds"}
            assert provoke.why("container", "checkpoint", "it", log_of="it") in {"unix-external", "unix-half-stream"}


def test_a_connection_that_was_not_accepted_yet(site, provoke):
    port = _free_port()
    container = provoke.python("it", DEAF, f"--publish=127.0.0.1:{port}:7000")
    with socket.create_connection(("127.0.0.1", port)):
        wait_for(lambda: "half-open" in provoke.foreseen(container), "the connection is seen")
        assert provoke.why("container", "checkpoint", "it", log_of="it") == "tcp-in-flight"


def test_a_container_that_was_only_created(site, provoke):
    site.podman("create", "--name", "it", lifecycle.SAMPLE_IMAGE, "/bin/sh")
    created = wait_for(Container.objects.filter(name="it", removed_at=None).first, "it is seen")
    with pytest.raises(Unavailable, match="it is created"):
        provoke.foreseen(created)
    assert provoke.why("container", "checkpoint", "it") == "checkpoint-not-running"


def test_a_container_that_is_not_there(provoke):
    assert provoke.why("container", "checkpoint", "nothing") == "no-such-container"


def test_a_container_that_removes_itself(provoke):
    assert provoke.foreseen(provoke.run("it", "--rm")) == {"auto-remove"}
    assert provoke.why("container", "checkpoint", "it") == "checkpoint-rm-needs-export"


def test_exports_that_have_no_room_or_no_folder(provoke, tmp_path):
    """That the store has no room is foreseen in test_nothing_lost.py: it is the agent's, not Podman's."""
    provoke.run("it")
    full = tmp_path / "full"
    full.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(full)], check=True)
    try:
        export = ["--compress", "none", "--export", str(full / "x.tar")]
        assert provoke.why("container", "checkpoint", *export, "it") == "no-space"
    finally:
        subprocess.run(["umount", str(full)], check=True)
    provoke.run("other")
    assert provoke.why("container", "checkpoint", "--export", "/nonexistent/x.tar", "other") == "export-path"


def test_a_restore_of_what_was_not_checkpointed(site, provoke):
    provoke.run("it")
    assert provoke.why("container", "restore", "it") == "restore-running"
    site.podman("kill", "it")
    wait_for(lambda: site.state("it") == "exited", "it has ended")
    assert provoke.why("container", "restore", "it") == "restore-no-checkpoint"


def test_whatever_is_in_the_way_of_a_restore_is_foreseen_and_explained_and_then_it_works(site, provoke, tmp_path):
    (tmp_path / "data").mkdir()
    published, address = f"--publish=127.0.0.1:{_free_port()}:80", f"--ip={site.subnet}.77"
    restore = provoke.taken(published, address, "--volume=ff-there:/there", f"--volume={tmp_path}/data:/data")
    assert (provoke.foreseen(), provoke.why(*restore)) == ({"volume-exists"}, "volume-exists")
    site.podman("volume", "rm", "ff-there")
    for flags, name, key, failure in (
        ([], "looper", "name-taken", "name-in-use"),
        ([published], "other", "port-taken", "port-in-use"),
        ([address], "other", "address-taken", "static-ip-taken"),
    ):
        provoke.run(name, *flags)
        assert (provoke.foreseen(), provoke.why(*restore)) == ({key}, failure)
        site.podman("rm", "--all", "--force", "--time", "0")
        site.podman("volume", "rm", "--force", "ff-there")
    assert (provoke.foreseen(pod="none"), provoke.why(*restore, "--pod", "none")) == (
        {"pod", "pod-missing"},
        "pod-not-wanted",
    )
    (tmp_path / "data").rmdir()
    assert (provoke.foreseen(), provoke.why(*restore)) == ({"bind-missing"}, "bind-source-missing")
    site.podman("rm", "--all", "--force", "--time", "0")
    site.podman("volume", "rm", "--force", "ff-there")
    (tmp_path / "data").touch()
    assert (provoke.foreseen(), provoke.why(*restore)) == ({"bind-kind", "bind-changed"}, "bind-type-mismatch")
    site.podman("rm", "--all", "--force", "--time", "0")
    site.podman("volume", "rm", "--force", "ff-there")
    (tmp_path / "data").unlink()
    (tmp_path / "data").mkdir()
    assert provoke.foreseen() == set()
    site.podman(*restore)
    assert site.state("looper") == "running"


def test_a_secret_that_is_mounted_comes_back_in_place_only(site, provoke):
    """Podman's own fault (4.3.1 and 5.8): an import makes no place for the mount below /run/secrets."""
    site.podman("secret", "create", "ff-token", "-", stdin=b"x")
    container = provoke.run("it", "--secret=ff-token")
    assert provoke.foreseen(container) == {"secret-mounted"}
    provoke.operator.restore(provoke.operator.checkpoint(container))
    assert site.podman("exec", "it", "cat", "/run/secrets/ff-token") == "x"
    restore = provoke.taken("--secret=ff-token")
    assert provoke.foreseen() == {"secret-mounted"}
    assert provoke.why(*restore, log_of="looper", log="restore.log") == "mount-in-mount"
    site.podman("rm", "--all", "--force", "--time", "0")
    site.podman("secret", "rm", "ff-token")
    assert provoke.why(*restore) == "secret-missing"


def test_another_runtime_and_an_archive_that_is_damaged(site, provoke):
    restore = provoke.taken()
    assert provoke.why("--runtime", "crun", *restore) == "restore-runtime-mismatch"
    stored = site.store / f"{provoke.checkpoint.archive_sha256}.tar.zst"
    stored.write_bytes(stored.read_bytes()[:-100])
    assert provoke.foreseen() == {"archive-flawed"}
    whole = provoke.archive.read_bytes()
    for broken in (whole[: len(whole) // 2], b"hello"):
        provoke.archive.write_bytes(broken)
        assert provoke.why(*restore) == "archive-truncated"


def test_a_network_that_is_gone_or_was_made_anew(site, provoke):
    site.podman("network", "create", "--subnet", "10.213.78.0/24", "ff-gone")
    restore = provoke.taken("--network=ff-gone")
    site.podman("network", "rm", "ff-gone")
    assert (provoke.foreseen(), provoke.why(*restore)) == ({"network-missing"}, "network-missing")
    site.podman("network", "create", "--subnet", "10.213.79.0/24", "ff-gone")
    assert (provoke.foreseen(), provoke.why(*restore)) == ({"address-outside"}, "static-ip-subnet")
    site.podman("rm", "--all", "--force", "--time", "0")
    assert provoke.foreseen(ignore_static_ip=True) == set()
    assert provoke.operator.restore(provoke.checkpoint, ignore_static_ip=True).running
    site.podman("rm", "--all", "--force", "--time", "0")
    site.podman("network", "rm", "ff-gone")


def test_an_image_that_is_gone(site, provoke):
    site.podman("tag", lifecycle.SAMPLE_IMAGE, "localhost/once:1")
    restore = provoke.taken(image="localhost/once:1")
    site.podman("rmi", "localhost/once:1", lifecycle.SAMPLE_IMAGE)
    assert provoke.foreseen() == set(), "it was kept beside the checkpoint"
    KeptImage.objects.filter(image_id=provoke.checkpoint.image_id).delete()
    assert (provoke.foreseen(), provoke.why(*restore)) == ({"image-missing"}, "pull-registry-unreachable")


def test_an_image_that_cannot_be_fetched(provoke):
    assert provoke.why("pull", "127.0.0.1:1/x:1") == "pull-registry-unreachable"
    assert provoke.why("pull", "nosuchshortname") == "pull-shortname"
