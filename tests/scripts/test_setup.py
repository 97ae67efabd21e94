"""script/: what the commands say they would do. Nothing here installs or starts anything."""

import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SHEBANGS = {"#!/bin/sh": "sh", "#!/usr/bin/env bash": "bash"}
COMMANDS = sorted(path for path in (ROOT / "script").iterdir() if path.is_file())
SHELL_FILES = [path for path in [*COMMANDS, ROOT / ".ci" / "run"] if path.read_text().startswith(tuple(SHEBANGS))]
INSTALLERS = ("apt-get", "dnf", "pip", "sudo")


def run(*arguments, **environment):
    return subprocess.run(
        [str(argument) for argument in arguments],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def name(path):
    return path.name


@pytest.fixture
def bare_machine(tmp_path):
    """dry_run(os_release): what script/setup would do there, and whether it called an installer after all."""
    calls = tmp_path / "calls"
    for installer in INSTALLERS:
        stub = tmp_path / installer
        stub.write_text(f'#!/bin/sh\necho "$0 $*" >>{calls}\n')
        stub.chmod(stub.stat().st_mode | stat.S_IXUSR)

    def dry_run(os_release, *arguments, script="setup"):
        (tmp_path / "os-release").write_text(os_release)
        result = run(
            ROOT / "script" / script,
            "--dry-run",
            *arguments,
            FREEZEFRAME_OS_RELEASE=str(tmp_path / "os-release"),
            PATH=f"{tmp_path}:{os.environ['PATH']}",
        )
        return result, calls.exists()

    return dry_run


@pytest.mark.parametrize("command", COMMANDS, ids=name)
def test_every_command_answers_help(command):
    result = run(command, "--help")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(f"usage: script/{command.name}")


@pytest.mark.parametrize("command", [*COMMANDS, ROOT / ".ci" / "run"], ids=name)
def test_every_command_is_executable(command):
    assert os.access(command, os.X_OK)


@pytest.mark.parametrize("path", SHELL_FILES, ids=name)
def test_every_shell_file_parses(path):
    shell = SHEBANGS[path.read_text().splitlines()[0]]
    result = run(shell, "-n", path)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("command", ["setup", "install-criu", "lint"])
def test_an_unknown_option_is_refused_with_the_usage(command):
    result = run(ROOT / "script" / command, "--no-such-option")
    assert result.returncode == 2
    assert result.stderr.startswith(f"usage: script/{command}")


def test_on_fedora_one_dnf_command_installs_everything(bare_machine):
    result, called = bare_machine("ID=fedora\nVERSION_ID=43\n")
    assert result.returncode == 0, result.stderr
    installs = [line for line in result.stdout.splitlines() if line.startswith("dnf ")]
    assert len(installs) == 1
    assert installs[0].startswith("dnf -q install -y podman runc netavark")
    assert installs[0].split().count("criu") == 1
    assert "apt-get" not in result.stdout
    assert not called


@pytest.mark.parametrize("os_release", ['ID="rhel"\nID_LIKE="fedora"\n', 'ID="rocky"\nID_LIKE="rhel centos fedora"\n'])
def test_relatives_of_fedora_use_dnf_too(bare_machine, os_release):
    result, called = bare_machine(os_release)
    assert result.returncode == 0, result.stderr
    assert "dnf -q install -y podman" in result.stdout
    assert not called


def test_on_debian_one_apt_command_installs_everything_and_removes_nothing(bare_machine):
    result, called = bare_machine("ID=debian\nVERSION_CODENAME=bookworm\n")
    assert result.returncode == 0, result.stderr
    installs = [line for line in result.stdout.splitlines() if "apt-get" in line and " install " in line]
    assert len(installs) == 1
    assert {"--no-install-recommends", "--no-remove", "podman", "runc", "busybox-static"} <= set(installs[0].split())
    assert result.stdout.index("apt-get -qq update") < result.stdout.index(installs[0])
    assert not called


def test_only_the_tests_ask_for_a_browser_and_a_database(bare_machine):
    debian = "ID=debian\nVERSION_CODENAME=bookworm\n"
    plain, _ = bare_machine(debian)
    tests, _ = bare_machine(debian, "--tests")
    extra = {"chromium", "postgresql", "shellcheck", "fonts-dejavu-core", "tests/requirements.txt"}
    extra |= {"redis-server", "memcached", "default-jre-headless", "ecj", "libuid-wrapper", "debootstrap", "catatonit"}
    extra |= {"docker-registry"}
    assert not extra & set(plain.stdout.split())
    assert extra <= set(tests.stdout.split())


def test_packages_come_before_python_and_python_before_the_project(bare_machine):
    result, _ = bare_machine("ID=fedora\n")
    steps = ["dnf -q install", "-m venv .venv", "--require-hashes -r deploy/requirements.txt", "manage.py prepare"]
    places = [result.stdout.index(step) for step in steps]
    assert places == sorted(places)


def test_an_unknown_distribution_is_told_what_to_install_by_hand(bare_machine):
    result, called = bare_machine("ID=plan9\n")
    assert result.returncode == 1
    assert "install by hand: podman runc" in result.stderr
    assert not called


def test_a_dry_run_of_install_criu_leaves_no_file(bare_machine, tmp_path):
    prefix = tmp_path / "private" / "criu"
    result, called = bare_machine("ID=debian\nVERSION_CODENAME=bookworm\n", "--prefix", prefix, script="install-criu")
    assert result.returncode == 0, result.stderr
    assert f"into {prefix}" in result.stdout
    assert not prefix.parent.exists()
    assert not called


def test_install_criu_refuses_a_prefix_that_the_wrapper_could_not_name():
    for prefix in ("relative/criu", "/opt/it's/criu", "/opt/with space/criu", "/opt/criu/"):
        result = run(ROOT / "script" / "install-criu", "--dry-run", "--prefix", prefix)
        assert result.returncode == 1, prefix
        assert "plain absolute path" in result.stderr


@pytest.mark.parametrize("path", SHELL_FILES, ids=name)
def test_no_shell_file_names_a_package_host(path):
    text = path.read_text()
    assert not re.search(r"\b(?:[a-z0-9-]+\.)+(?:com|net|org|io|dev)\b", text)
    remote = re.findall(r"https?://(?!127\.0\.0\.1|localhost|\$)\S+", text)
    assert not remote


def test_install_criu_never_switches_signature_checks_off():
    text = (ROOT / "script" / "install-criu").read_text()
    assert not re.search(r"trusted=yes|allow-unauthenticated|AllowUnauthenticated=true|Repositories=true", text)


def test_with_postgres_passes_the_exit_code_on_and_leaves_nothing():
    command = 'test "$DATABASE_URL" != "" && echo "$DATABASE_URL"; exit 7'
    result = run(ROOT / "script" / "with-postgres", "sh", "-c", command, DATABASE_URL="")
    assert result.returncode == 7, result.stderr
    socket = re.fullmatch(r"postgres://freezeframe@/(%2Ftmp%2F\S+)/postgres\n", result.stdout)
    assert socket, result.stdout
    assert not Path(socket[1].replace("%2F", "/")).exists()
