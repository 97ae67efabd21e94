"""Hosts that prove themselves, CRIU's own switches, and points of the checklist that are not met: all for real."""

import json
import subprocess
from pathlib import Path

import pytest

from containers_app.models import AuditEvent, Checkpoint, Host, SelfTest
from containers_app.runtime import criu_config, host
from containers_app.runtime.explain import explain
from containers_app.runtime.podman import Podman
from containers_app.runtime.readiness import SETUP
from containers_app.runtime.store import DirectoryStore
from containers_app.services import criu_switches, lifecycle, selftests
from tests.live import images
from tests.live.conftest import both_hosts, fresh
from tests.live.site import CHECKOUT, wait_for
from tests.live.test_preflight import run_image
from tests.scripts.test_setup import run as run_script

pytestmark = pytest.mark.live

GHOST = (
    "import os, time; f = open('/big', 'wb'); f.write(b'x' * 3000000); f.flush(); os.unlink('/big'); "
    "print('ready', flush=True); time.sleep(9999)"
)


def prove(operator, seconds=60):
    return operator.ended(selftests.request_selftest(by=operator.by, host=operator.host), seconds)


@both_hosts
def test_a_host_proves_that_it_can_and_leaves_nothing_behind(site, operator):
    checkpoints = Checkpoint.objects.count()
    operation = operator.done(selftests.request_selftest(by=operator.by, host=operator.host))
    proof = SelfTest.objects.get(operation=operation)
    assert proof.passed and proof.frozen_us > 0 and proof.restore_us > proof.frozen_us
    assert proof.versions == selftests.versions_of(operator.host)
    assert "selftest" not in site.podman("ps", "--all", "--format", "{{.Names}}")
    assert Checkpoint.objects.count() == checkpoints and not list(Path(site.store, "incoming").iterdir())
    assert next(line for line in operator.host.readiness if line["key"] == "selftest")["level"] == "ok"


@pytest.fixture
def broken_restores(site, tmp_path):
    """A worker whose Podman fails every restore."""
    script = tmp_path / "podman"
    script.write_text(
        '#!/bin/sh\ncase "$*" in *"container restore"*) echo "Error: no luck today" >&2; exit 125;; esac\nexec "$@"\n'
    )
    script.chmod(0o755)
    site.restart_worker(FREEZEFRAME_PODMAN=" ".join([str(script), *site.podman_command]))
    yield
    site.restart_worker()


def test_a_host_whose_restore_is_broken_fails_at_that_step(site, operator, broken_restores):
    operation = prove(operator)
    proof = SelfTest.objects.get(operation=operation)
    assert (operation.state, proof.passed, proof.step) == ("failed", False, "restoring")
    assert "failed at: restoring" in operation.summary
    assert "selftest" not in site.podman("ps", "--all", "--format", "{{.Names}}")
    line = next(line for line in operator.host.readiness if line["key"] == "selftest")
    assert line["level"] == "warn" and "restoring" in line["detail"]


@pytest.fixture
def own_criu_config():
    """The file that runc reads on this machine, as it was before afterwards."""
    path = Path("/etc/criu/runc.conf")
    before, there = criu_config.read(path)["text"], path.parent.is_dir()
    yield path
    for file in path.parent.glob("runc.conf.before-*"):
        file.unlink()
    if before:
        path.write_text(before)
    else:
        path.unlink(missing_ok=True)
    if not there and path.parent.is_dir():
        path.parent.rmdir()


def test_a_switch_lets_a_large_deleted_file_through_and_is_in_the_history(site, operator, own_criu_config):
    container = run_image(site, operator, "ghost", images.build(site, "python"), "python3", "-c", GHOST)
    wait_for(lambda: site.podman("logs", "ghost") == "ready\n", "it is ready")
    failed = operator.ended(operator.request_checkpoint(container, forced=True))
    assert failed.state == "failed" and site.state("ghost") == "running"
    seen = criu_config.read(own_criu_config)["digest"]
    operation = operator.done(
        criu_switches.request_criu_config(
            by=operator.by, host=operator.host, values={"ghost-limit": "10M"}, digest=seen
        )
    )
    event = AuditEvent.objects.get(operation=operation, action="host.configured")
    assert event.after["switches"]["ghost-limit"] == "10M" and "ghost-limit" not in event.before["switches"]
    assert Host.objects.get(pk=operator.host.pk).facts["criu_config"]["switches"]["ghost-limit"] == "10M"
    operator.restore(operator.checkpoint(fresh(container)))
    changed = operator.ended(
        criu_switches.request_criu_config(by=operator.by, host=operator.host, values={}, digest=seen)
    )
    assert changed.state == "failed" and "changed meanwhile" in changed.summary


def measured(site, **values):
    """{key: Check} of this machine as it is now."""
    podman = Podman(command=tuple(site.podman_command), tools_dir=values.get("tools_dir", "/opt/freezeframe/bin"))
    return {check.key: check for check in host.measure(podman, store=DirectoryStore(site.store))[1]}


def test_a_machine_without_runc_and_iptables_says_so_and_its_remedy_makes_it_ready(tmp_path):
    done = subprocess.run(
        ["unshare", "--mount", "sh", "tests/live/bare_machine.sh", str(tmp_path), "runc", "iptables"],
        cwd=CHECKOUT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    before, after = map(json.loads, done.stdout.splitlines())
    level, detail, remedy = before["oci-runtime"]
    assert (level, remedy) == ("block", "Install runc. Run script/setup on this host as root.")
    assert "crun here cannot: built without CRIU" in detail
    assert before["network"][0] == "block" and before["network"][2] == "Install iptables. " + SETUP
    assert {key for key, (level, _, _) in after.items() if level == "block"} == set()
    assert after["oci-runtime"][1].startswith("runc ")


def test_limits_that_root_may_not_raise_are_kept_by_every_new_container(site, operator):
    """Where root may raise them there is nothing to say, and nothing is asked of Podman."""
    found = measured(site)["limits"]
    assert found.level == "ok" and not found.remedy
    looper = operator.create("looper")
    created = next(command for command in looper.operations.get(kind="create").commands if "create" in command)
    asked = [word for word in created if word.startswith("--ulimit")]
    assert asked == [f"--ulimit={limit}" for limit in operator.host.facts["ulimits"]]
    if asked:
        refused = subprocess.run(
            [*site.podman_command, "--runtime=runc", "run", "--rm", lifecycle.SAMPLE_IMAGE, "/bin/true"],
            env=site.env, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert explain(refused.stderr).id == "rlimit-nofile"


def test_a_criu_that_is_too_old_is_named_and_its_remedy_brings_a_newer_one(site, tmp_path):
    tools = tmp_path / "tools" / "bin"
    tools.mkdir(parents=True)
    old = tools / "criu"
    old.write_text('#!/bin/sh\necho "Version: 3.17.1"\n[ "$1" = --version ]\n')
    old.chmod(0o755)
    found = measured(site, tools_dir=str(tools))["criu"]
    assert found.level == "block" and "3.17.1 is too old" in found.detail and "script/setup" in found.remedy
    done = run_script(CHECKOUT / "script" / "setup", FREEZEFRAME_TOOLS_DIR=str(tools))
    assert done.returncode == 0, done.stderr
    assert measured(site, tools_dir=str(tools))["criu"].level == "ok"
