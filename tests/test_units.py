"""The units for systemd: it understands every line, and how exposed each is says systemd itself.

tests/live/test_systemd.py starts them.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
UNITS = sorted((ROOT / "deploy" / "systemd").iterdir())
# Tenths of systemd's exposure level, of 100, that each may have at most. The agent's two are root's, and stay exposed.
EXPOSED = {"freezeframe-web.service": 20, "freezeframe-redis.service": 20, "freezeframe-beat.service": 30}

pytestmark = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="this machine has no systemd")


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60)


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path):
    for unit in UNITS:
        (tmp_path / unit.name).write_text(unit.read_text().replace("/opt/freezeframe/app", str(ROOT)))
    found = analyze("verify", *(str(tmp_path / unit.name) for unit in UNITS))
    assert (found.returncode, found.stdout + found.stderr) == (0, "")


@pytest.mark.parametrize(("name", "at_most"), EXPOSED.items())
def test_a_process_that_needs_no_root_is_shut_in(name, at_most):
    found = analyze("security", "--offline=true", f"--threshold={at_most}", str(ROOT / "deploy" / "systemd" / name))
    assert found.returncode == 0, found.stdout + found.stderr
