"""The checklist of a host: each point that is not met is named, with the remedy that meets it."""

from dataclasses import replace

import pytest

from containers_app.runtime import readiness
from containers_app.runtime.store import DirectoryStore
from containers_app.runtime.types import HostFacts

FACTS = HostFacts(
    podman_version="4.3.1", oci_runtime="runc", oci_runtime_version="1.1.5", criu_version="4.2.1", kernel="6.18.5",
    storage_driver="overlay", network_backend="netavark", cgroup_version="v1", cgroup_manager="cgroupfs",
)  # fmt: skip


@pytest.fixture
def seen(tmp_path):
    return readiness.Seen(FACTS, True, "Looks good.", DirectoryStore(tmp_path), storage=str(tmp_path))


def line(seen, key):
    return next(check for check in readiness.checks(seen) if check.key == key)


def test_a_host_with_everything_passes(seen):
    assert {check.level for check in readiness.checks(seen)} <= {"ok", "warn"}


@pytest.mark.parametrize(
    ("criu", "kernel", "level"),
    [("3.17.1", "6.18.5", "block"), ("4.1", "6.16.0-1-amd64", "block"), ("4.1", "6.13.2", "ok"), ("3.17", "6.1", "ok")],
)
def test_a_criu_that_is_too_old_for_the_kernel_says_which_it_needs(seen, criu, kernel, level):
    found = line(replace(seen, facts=replace(FACTS, criu_version=criu, kernel=kernel)), "criu")
    assert found.level == level and bool(found.remedy) == (level == "block")
    assert level == "ok" or ("too old" in found.detail and "script/setup" in found.remedy)


def test_a_criu_that_does_not_work_says_what_it_said(seen):
    found = line(replace(seen, usable=False, message="Error: no /proc"), "criu")
    assert found.level == "block" and "no /proc" in found.detail


def test_a_crun_without_criu_is_named(seen):
    found = line(replace(seen, facts=replace(FACTS, oci_runtime=""), unable=["crun"]), "oci-runtime")
    assert found.level == "block" and "crun here cannot: built without CRIU" in found.detail
    assert "Install runc" in found.remedy
    assert "crun here cannot" in line(replace(seen, unable=["crun"]), "oci-runtime").detail


def test_a_rootless_podman_is_refused_with_the_reason(seen):
    found = line(replace(seen, rootless=True), "root")
    assert found.level == "block" and "rootless" in found.detail and "as root" in found.remedy


def test_limits_that_root_may_not_raise_are_told_with_what_new_containers_get(seen):
    found = line(replace(seen, facts=replace(FACTS, ulimits=["nofile=1024:1024"])), "limits")
    assert found.level == "ok" and "--ulimit nofile=1024:1024" in found.detail


@pytest.mark.parametrize(("skew", "level"), [(None, "ok"), (0.01, "ok"), (-90.0, "warn"), (90.0, "warn")])
def test_a_clock_that_is_off_is_told(skew, level):
    assert readiness.clock_check(skew).level == level


@pytest.mark.parametrize(
    ("programs", "switches", "level"),
    [
        (["iptables"], {}, "ok"),
        (["nft"], {"network-lock": "nftables"}, "ok"),
        (["nft"], {}, "warn"),
        ([], {"network-lock": "nftables"}, "block"),
    ],
)
def test_the_network_is_locked_with_what_is_here(seen, monkeypatch, programs, switches, level):
    monkeypatch.setattr(readiness.shutil, "which", lambda name, path: name in programs)
    found = line(replace(seen, facts=replace(FACTS, criu_config={"switches": switches})), "network")
    assert found.level == level and bool(found.remedy) == (level != "ok")
