"""The kernel's files as they are written: both versions of control groups, and what is not there."""

import os
from pathlib import Path

import pytest

from containers_app.runtime import cgroup

NET = "Inter-|\n face |\n    lo: 7 0 0 0 0 0 0 0 7 0\n  eth0: 656 8 0 0 0 0 0 0 1200 8\n"


@pytest.fixture
def kernel(monkeypatch, tmp_path):
    """Writes files of a kernel: `kernel({path: text})`."""
    monkeypatch.setattr(cgroup, "ROOT", tmp_path / "cgroup")
    monkeypatch.setattr(cgroup, "PROC", tmp_path / "proc")

    def write(files):
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)

    write({"proc/7/net/dev": NET})
    return write


def test_version_1(kernel):
    group = "libpod_parent/libpod-abc"
    kernel({
        "proc/7/cgroup": f"8:pids:/{group}\n7:blkio:/{group}\n4:memory:/{group}\n2:cpu,cpuacct:/{group}\n0::/{group}\n",
        f"cgroup/pids/{group}/pids.current": "3\n",
        f"cgroup/blkio/{group}/blkio.throttle.io_service_bytes": "8:0 Read 10\n8:0 Write 20\n8:16 Read 1\nTotal 31\n",
        f"cgroup/memory/{group}/memory.usage_in_bytes": "4096\n",
        f"cgroup/memory/{group}/memory.limit_in_bytes": "9223372036854771712\n",
        f"cgroup/cpuacct/{group}/cpuacct.usage": "1500000000\n",
    })  # fmt: skip
    assert cgroup.usage(7, "abc") == cgroup.Usage(1.5, 4096, 0, 3, 11, 20, 656, 1200)


def test_version_2(kernel):
    group = "libpod_parent/libpod-abc"
    kernel({
        "cgroup/cgroup.controllers": "cpu memory\n",
        "proc/7/cgroup": f"0::/{group}\n",
        f"cgroup/{group}/cpu.stat": "usage_usec 2500000\nuser_usec 1\n",
        f"cgroup/{group}/memory.current": "8192\n",
        f"cgroup/{group}/memory.max": "65536\n",
        f"cgroup/{group}/pids.current": "2\n",
        f"cgroup/{group}/io.stat": "8:0 rbytes=5 wbytes=6 rios=1\n8:16 rbytes=1\n",
    })  # fmt: skip
    assert cgroup.usage(7, "abc") == cgroup.Usage(2.5, 8192, 65536, 2, 6, 6, 656, 1200)


def test_a_process_that_is_gone_or_anothers_by_now_uses_nothing(kernel):
    assert cgroup.usage(99, "abc") is None and cgroup.processes(99, "abc") == []
    kernel({"proc/7/cgroup": "0::/user.slice\n", "cgroup/cgroup.controllers": ""})
    assert cgroup.usage(7, "abc") is None and cgroup.processes(7, "abc") == []


def test_a_process_tells_its_own_pid_user_and_words():
    me = cgroup._process(str(os.getpid()))
    words = Path("/proc/self/cmdline").read_text().split("\0")
    assert me.user == os.getuid() and me.memory_bytes > 0
    assert words[0] and me.command.startswith(words[0])
