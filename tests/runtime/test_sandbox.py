"""The process that reads what strangers wrote: no rights, an empty root, bounds of memory and time; then a report."""

import os
import subprocess
import sys

import pytest

from containers_app.errors import ArchiveError
from containers_app.runtime import foreign, sandbox
from containers_app.runtime.rebuild import Here
from tests import stranger

PROBE = """
import os, socket, sys
sys.path.insert(0, sys.argv[1])
from containers_app.runtime import sandbox
sandbox.confine(sys.argv[2], seconds=5, largest_file=1000)
print(os.getresuid(), os.getgroups(), os.listdir("/"), len(socket.if_nameindex()))
{action}
"""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")


def confined(tmp_path, action=""):
    root = tmp_path / "empty"
    root.mkdir()
    tmp_path.chmod(0o711)
    argv = [sys.executable, "-I", "-c", PROBE.format(action=action), str(sandbox.CHECKOUT), str(root)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)


@needs_root
def test_it_has_nobody_s_rights_an_empty_root_and_no_network(tmp_path):
    done = confined(tmp_path)
    assert done.stdout == "(65534, 65534, 65534) [] [] 1\n", done.stderr


@needs_root
@pytest.mark.parametrize(
    "action", ["os.setuid(0)", "open('/etc/passwd')", "os.mkdir('/x')", "bytearray(3 << 30)", "os.chroot('/')"]
)
def test_it_can_do_nothing_with_them(tmp_path, action):
    done = confined(tmp_path, action)
    assert done.returncode == 1 and "Error" in done.stderr


def examine(path, folder, **values):
    folder.mkdir()
    values = {"bounds": foreign.Bounds(1 << 30, 1 << 30), "largest_file": 1 << 30, **values}
    return sandbox.examine(
        path, folder, policy={}, here=Here(podman_version="5.8.2"), on_start=lambda *_: None,
        on_progress=lambda *_: None, **values,
    )  # fmt: skip


def test_a_good_archive_comes_out_clean(tmp_path):
    report, draft = examine(stranger.archive()(tmp_path), tmp_path / "work")
    assert not report.refused and draft.stat().st_size == report.archive_bytes
    assert draft.stat().st_mode & 0o777 == 0o600


def test_no_room_is_told_apart_from_a_fault_of_the_archive(tmp_path):
    report, _ = examine(stranger.archive()(tmp_path), tmp_path / "work", largest_file=500)
    assert report.refused_key == "space"


def test_what_takes_too_long_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "SECONDS", -1000)
    with pytest.raises(ArchiveError, match="longer than"):
        examine(stranger.archive()(tmp_path), tmp_path / "work")


def test_a_reader_that_breaks_is_an_archive_that_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "CHILD", "raise MemoryError")
    with pytest.raises(ArchiveError, match="more than an archive may"):
        examine(stranger.archive()(tmp_path), tmp_path / "work")
