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
    size, whole = scan.folder_bytes(tmp_path, seconds=5)
    assert whole and 1000 <= size < 5000
    assert scan.folder_bytes(tmp_path, seconds=-1) == (0, False)
