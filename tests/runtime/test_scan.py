"""What is read from /proc of a container's processes: here this test's own, for which the same files exist."""

import fcntl
import os
import signal
import socket
import subprocess
import sys

import pytest

from containers_app.runtime import cgroup, scan


@pytest.fixture
def scanned(monkeypatch):
    """A function that scans these PIDs as if they were a container's."""

    def look(*pids):
        monkeypatch.setattr(cgroup, "pids", lambda pid, container_id: [str(number) for number in pids])
        return scan.scan(pids[0], "x" * 64)

    return look


def test_sockets_and_their_peers_are_found(scanned):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        accepted, _ = server.accept()
        with accepted:
            found = scanned(os.getpid())
    ports = [f"127.0.0.1:{port}" for port in (server_port(found), client_port(found))]
    assert all(port for port in ports)
    assert found.counts["listening"] >= 1 and found.counts["connections"] >= 2
    assert client is not None


def test_a_connection_that_nobody_has_accepted_yet_is_found(scanned):
    with socket.create_server(("127.0.0.1", 0)) as server:
        name = f"127.0.0.1:{server.getsockname()[1]}"
        assert not any(name in entry for entry in scanned(os.getpid()).half_open)
        with socket.create_connection(server.getsockname()):
            assert f"{name} has 1 that it has not accepted yet" in scanned(os.getpid()).half_open


def server_port(found):
    return found.listening[0].rpartition(":")[2]


def client_port(found):
    return found.connections[0].partition(" > ")[0].rpartition(":")[2]


def test_a_unix_socket_that_leads_outside_is_told_from_one_that_does_not(scanned):
    others = len(scanned(os.getpid()).external)  # what this very process has open besides
    inside = socket.socketpair()
    assert len(scanned(os.getpid()).external) == others
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=inside[1])
    try:
        inside[1].close()
        assert len(scanned(os.getpid()).external) == others + 1
        assert len(scanned(os.getpid(), child.pid).external) == others
    finally:
        child.kill()
        child.wait()
        inside[0].close()


def test_locks_deleted_files_and_stopped_processes_are_found(scanned, tmp_path):
    child = subprocess.Popen(["sleep", "60"])
    with open(tmp_path / "locked", "wb") as locked, open(tmp_path / "gone", "wb") as gone:
        fcntl.flock(locked, fcntl.LOCK_EX)
        gone.write(b"x" * (scan.GHOST_LIMIT + 1))
        gone.flush()
        (tmp_path / "gone").unlink()
        os.kill(child.pid, signal.SIGSTOP)
        os.waitpid(child.pid, os.WUNTRACED)
        found = scanned(os.getpid(), child.pid)
    child.kill()
    child.wait()
    assert found.locks and found.stopped == [f"{child.pid} sleep"]
    assert [entry for entry in found.deleted if entry.startswith(str(tmp_path / "gone"))]
    assert found.processes == 2 and found.memory_bytes > 1024**2


def test_a_process_that_has_ended_is_no_reason_to_fail(scanned):
    assert scanned(2**22 + 1).processes == 0


def test_a_folder_is_measured_and_a_huge_one_only_in_part(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_bytes(b"x" * 1000)
    (tmp_path / "link").symlink_to("/")
    size, whole = scan.Walk(seconds=5).bytes_below(tmp_path)
    assert whole and 1000 <= size < 5000
    assert scan.Walk(seconds=-1).bytes_below(tmp_path) == (0, False)


def test_files_that_were_written_later_are_found_in_a_folder_or_as_what_is_mounted(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_text("x")
    os.utime(tmp_path / "a" / "file", (1000, 1000))
    walk = scan.Walk(seconds=5)
    for path in (tmp_path, tmp_path / "a" / "file"):
        assert walk.newer_below(path, 999) and not walk.newer_below(path, 1000)
    assert not walk.newer_below(tmp_path / "nothing", 0)


@pytest.mark.parametrize(
    ("family", "protocol", "name"), [(socket.AF_INET, 262, "MPTCP"), (socket.AF_VSOCK, 0, "VSOCK")]
)
def test_a_socket_that_criu_does_not_know_is_named(scanned, family, protocol, name):
    try:
        unknown = socket.socket(family, socket.SOCK_STREAM, protocol)
    except OSError:
        pytest.skip(f"this kernel has no {name}")
    with unknown:
        found = scanned(os.getpid())
    assert any(entry.startswith(f"a socket of {name} in ") for entry in found.unsupported)
    assert not scanned(os.getpid()).unsupported


def test_datagrams_that_nobody_has_read_are_found(scanned):
    with socket.socket(type=socket.SOCK_DGRAM) as reader, socket.socket(type=socket.SOCK_DGRAM) as writer:
        reader.bind(("127.0.0.1", 0))
        assert not scanned(os.getpid()).datagrams
        writer.sendto(b"x", reader.getsockname())
        assert scanned(os.getpid()).datagrams == [f"127.0.0.1:{reader.getsockname()[1]}"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes namespaces")
def test_a_namespace_that_only_one_process_is_in_is_named(scanned):
    child = subprocess.Popen(["unshare", "--uts", "sleep", "60"])
    try:
        while os.path.samefile("/proc/self/ns/uts", f"/proc/{child.pid}/ns/uts"):
            assert child.poll() is None
        found = scanned(os.getpid(), child.pid)
        assert [entry for entry in found.unsupported if entry.startswith("a uts namespace of its own in ")]
    finally:
        child.kill()
        child.wait()
