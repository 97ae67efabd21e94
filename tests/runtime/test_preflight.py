"""The rules before a checkpoint and a restore: what trips each, what cures it, and that ordinary ones pass."""

from dataclasses import replace
from pathlib import Path

import pytest

from containers_app.runtime import preflight, preflight_restore
from containers_app.runtime.needs import Needs
from containers_app.runtime.preflight import CheckpointSight
from containers_app.runtime.preflight_restore import RestoreSight
from containers_app.runtime.scan import Scan
from containers_app.runtime.types import CheckpointOptions, ContainerFacts, RestoreOptions

GIB = 1024**3
FOUND = ContainerFacts(
    container_id="c" * 64, name="looper", image_id="i", image_name="localhost/looper:1", state="running", pid=7,
    exit_code=0, created_at=None, started_at=None, finished_at=None, checkpointed_at=None, restored_at=None, ports=[],
    command=[], oci_runtime="runc", userdata=Path("/x"), auto_remove=False, dependencies=[], pod="",
    ipc_mode="shareable", userns_mode="", config={"mounts": [], "networks": ["podman"], "tty": False},
    network_mode="bridge",
)  # fmt: skip


def seen(**values):
    """A Scan as JSON with these lists, each as long as its count."""
    scan = Scan(processes=2, memory_bytes=100 * 1024**2, shared=["user"])
    for name, rows in values.items():
        for row in rows:
            scan.add(name, row)
    return scan.as_json()


CALM = CheckpointSight(
    found=FOUND, scan=seen(), options=CheckpointOptions(), store_free=GIB, storage_free=GIB,
    readiness=[{"key": "criu", "title": "CRIU works", "level": "ok", "detail": "", "remedy": ""}],
)  # fmt: skip
SLEEPY = RestoreSight(
    in_place=False, options=RestoreOptions(),
    then={"architecture": "x86_64", "cpu_flags": ["avx", "sse"], "criu_version": "4.2.1", "kernel": "6.18.5",
          "cgroup_manager": "systemd", "cgroup_version": "v2", "security_module": "", "networks": ["podman"],
          "volumes": [], "addresses": ["10.88.0.4"], "static_addresses": [], "pod": "", "oci_runtime": "runc"},
    now={"architecture": "x86_64", "cpu_flags": ["avx", "avx2", "sse"], "criu_version": "4.2.1", "kernel": "6.18.5",
         "cgroup_manager": "systemd", "cgroup_version": "v2", "security_module": "", "criu_plugins": []},
    members={"config.dump": 10, "checkpoint/pages-1.img": 1000}, networks={"podman": ["10.88.0.0/16"]},
    free_memory=GIB, store_free=GIB, storage_free=GIB,
)  # fmt: skip


def found(**values):
    return {"found": replace(FOUND, **values)}


def test_an_ordinary_container_passes():
    findings = preflight.of_checkpoint(CALM)
    assert not preflight.blocks(findings) and {finding.level for finding in findings} == {"pass"}


@pytest.mark.parametrize(
    ("key", "values", "option"),
    [
        ("tcp-established", {"scan": seen(connections=["10.0.0.2:80 > 10.0.0.1:40000"])}, "tcp_established"),
        ("file-locks", {"scan": seen(locks=["1 redis"])}, "file_locks"),
        ("stopped-process", {"scan": seen(stopped=["2 sleep"])}, ""),
        ("unsupported", {"scan": seen(unsupported=["io_uring in 1 db"])}, ""),
        ("devices", {"scan": seen(devices=["/dev/fuse in 1 x"])}, ""),
        ("external", {"scan": seen(external=["1 logger"])}, ""),
        ("inotify", {"scan": seen(inotify=["1 nginx"])}, ""),
        ("ghost-file", {"scan": seen(deleted=["/tmp/x (2,000,000 bytes)"])}, ""),
        ("oci-runtime", {"runtime_able": False}, ""),
        ("store-space", {"store_free": 1024}, ""),
        ("storage-space", {"storage_free": 1024}, ""),
        ("host-criu", {"readiness": [{**CALM.readiness[0], "level": "block"}]}, ""),
    ],
)
def test_what_makes_a_dump_fail_blocks_and_may_be_forced(key, values, option):
    first = preflight.blocks(preflight.of_checkpoint(replace(CALM, **values)))[0]
    assert (first.key, first.option) == (key, option) and first.remedy is not None
    assert not preflight.blocks([first], forced=True)


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("auto-remove", {"auto_remove": True}),
        ("dependencies", {"dependencies": ["other"]}),
        ("host-ipc", {"ipc_mode": "host"}),
    ],
)
def test_what_would_lose_the_workload_or_change_the_host_is_never_forced(key, values):
    findings = preflight.of_checkpoint(replace(CALM, **found(**values)))
    assert [finding.key for finding in preflight.blocks(findings, forced=True)] == [key]


def test_namespaces_are_judged_by_what_the_kernel_says():
    mapped = replace(CALM, scan={**seen(), "shared": []})
    assert preflight.blocks(preflight.of_checkpoint(mapped), forced=True)[0].key == "user-namespace"
    rolled_back = replace(CALM, scan={**seen(), "shared": ["user", "ipc", "pid"]})
    assert [finding.key for finding in preflight.of_checkpoint(rolled_back)][:2] == ["host-ipc", "host-pid"]


def test_an_option_cures_what_it_is_for():
    scan = seen(connections=["a > b"], locks=["1 x"])
    cured = replace(CALM, scan=scan, options=CheckpointOptions(tcp_established=True, file_locks=True))
    assert not preflight.blocks(preflight.of_checkpoint(cured))
    switched = replace(
        CALM, scan=seen(inotify=["1 x"], deleted=["y"]), switches={"force-irmap": "", "ghost-limit": "9"}
    )
    assert not preflight.blocks(preflight.of_checkpoint(switched))


def test_a_pods_own_container_is_no_dependency_and_a_connection_without_a_network_blocks():
    in_pod = replace(CALM, **found(pod="p", dependencies=["infra"]))
    assert not preflight.blocks(preflight.of_checkpoint(in_pod))
    alone = replace(CALM, scan=seen(connections=["a > b"]), options=CheckpointOptions(tcp_established=True))
    alone = replace(alone, **found(network_mode="none"))
    assert preflight.blocks(preflight.of_checkpoint(alone))[0].key == "loopback-down"


def test_what_stays_behind_is_told():
    mounts = [{"type": "bind", "name": "", "source": "/srv", "destination": "/data"}]
    sight = replace(CALM, **found(exec_ids=["a"], config={**FOUND.config, "mounts": mounts, "tty": True}))
    sight = replace(sight, volumes=[("data", 5 * 1024**2, False)])
    findings = {finding.key: finding for finding in preflight.of_checkpoint(sight)}
    assert {findings[key].level for key in ("exec", "binds", "terminal")} == {"warn"}
    assert findings["volumes"].detail == "data over 5.0 MiB"
    assert {findings[key].level for key in ("volumes", "memory")} == {"pass"}


def test_changed_files_are_taken_along_or_left_behind_and_need_room():
    sight = replace(CALM, changed=(50 * 1024**2, True))
    found = {finding.key: finding for finding in preflight.of_checkpoint(sight)}["changed-files"]
    assert (found.level, found.detail) == ("pass", "50.0 MiB")
    full = preflight.of_checkpoint(replace(sight, store_free=120 * 1024**2))
    assert full[0].key == "store-space" and "150 MiB are needed" in full[0].detail
    left = replace(sight, store_free=120 * 1024**2, options=CheckpointOptions(ignore_rootfs=True))
    assert next((finding.key, finding.level) for finding in preflight.of_checkpoint(left)) == ("changed-files", "warn")


def test_datagrams_that_nobody_read_are_told():
    sight = replace(CALM, scan=seen(datagrams=["0.0.0.0:53"]))
    assert next((finding.key, finding.level) for finding in preflight.of_checkpoint(sight)) == ("datagrams", "warn")


def test_long_lists_are_cut_with_their_number():
    sight = replace(CALM, scan=seen(connections=[f"a:{number} > b" for number in range(50)]))
    first = preflight.of_checkpoint(sight)[0]
    assert first.title == "50 open TCP connections" and "and 45 more" in first.detail


def test_an_ordinary_restore_passes():
    assert not [finding for finding in preflight_restore.of_restore(SLEEPY) if finding.level != "pass"]


@pytest.mark.parametrize(
    ("key", "level", "values"),
    [
        ("architecture", "block", {"then": {"architecture": "aarch64"}}),
        ("cpu", "block", {"then": {"cpu_flags": ["avx512f"]}}),
        ("cpu", "block", {"cpu_refused": "CPU instruction capabilities do not match run time"}),
        ("cgroup-manager", "block", {"then": {"cgroup_manager": "cgroupfs"}}),
        ("cgroup-version", "block", {"then": {"cgroup_version": "v1"}}),
        ("security-module", "block", {"then": {"security_module": "selinux"}}),
        ("criu-older", "block", {"then": {"criu_version": "4.10"}}),
        ("criu-unknown", "warn", {"then": {"criu_version": ""}}),
        ("kernel-older", "warn", {"then": {"kernel": "7.0"}}),
        ("network-missing", "block", {"then": {"networks": ["team"]}}),
        ("volume-exists", "block", {"then": {"volumes": ["data"]}, "volumes": frozenset({"data"})}),
        ("pod", "block", {"then": {"pod": "p"}}),
        ("pod", "block", {"options": RestoreOptions(pod="p"), "pods": frozenset({"p"})}),
        ("pod-missing", "block", {"options": RestoreOptions(pod="p"), "then": {"pod": "q"}}),
        ("address-outside", "block", {"networks": {"podman": ["10.89.0.0/24"]}}),
        ("volume-once", "block", {"then": {"volumes": ["data"]}, "copies": 2}),
        ("bind-changed", "warn", {"changed_binds": ["/srv/data"]}),
        ("address-taken", "block", {"addresses": {"10.88.0.4": "other"}}),
        ("archive-missing", "block", {"archive_here": False}),
        ("archive-flawed", "block", {"flaw": "its SHA-256 is not the recorded one"}),
        ("image-missing", "block", {"image_here": False}),
        ("bind-missing", "block", {"missing_binds": ["/srv/gone"]}),
        ("name-taken", "block", {"names_taken": ["looper"]}),
        ("port-taken", "block", {"ports_taken": ["8080:80/tcp"]}),
        ("oci-runtime", "block", {"runtime_able": False}),
        ("free-memory", "block", {"free_memory": 10}),
        ("free-memory", "block", {"free_memory": 2500, "copies": 3}),
        ("store-space", "block", {"store_free": 10}),
        ("storage-space", "block", {"storage_free": 10}),
        ("tcp-in-image", "block", {"members": {"checkpoint/tcp-stream-1a.img": 1}}),
        ("locks-lost", "warn", {"members": {"checkpoint/filelocks.img": 1}}),
        ("parent-missing", "block", {"members": {"checkpoint/parent": 0, "checkpoint/pages-1.img": 1}}),
        ("bind-kind", "block", {"other_binds": ["/srv/data"]}),
        ("secret-mounted", "block", {"then": {"secrets": ["token"]}}),
        ("id-taken", "block", {"id_taken": "renamed"}),
        ("copies-alike", "warn", {"copies": 2}),
        ("network-lock", "warn", {"lock_missing": True}),
        ("security-profile", "block", {"unknown_profiles": ["containers-default-0.50.1"]}),
        ("plugin-missing", "block", {"needs": Needs(plugins=("cuda_plugin",))}),
        ("memory-limit", "block", {"needs": Needs(memory_limit=500, largest_process=501)}),
        ("memory-limit", "warn", {"needs": Needs(memory_limit=999, largest_process=900)}),
        ("cpu-set", "block", {"needs": Needs(cpus=frozenset({0, 7})), "cpus": frozenset({0, 1})}),
        ("host-ipc", "block", {"needs": Needs(shares=frozenset({"ipc"}))}),
        ("user-namespace", "block", {"needs": Needs(shares=frozenset({"user"}))}),
        ("host-pid", "warn", {"needs": Needs(shares=frozenset({"pid"}))}),
        (
            "tcp-address",
            "block",
            {"needs": Needs(bound=frozenset({"10.88.0.4"})), "options": RestoreOptions(name="x", tcp_established=True)},
        ),
    ],
)
def test_what_is_in_the_way_of_a_restore_is_found(key, level, values):
    values = {**values, "then": {**SLEEPY.then, **values.get("then", {})}}
    first = preflight_restore.of_restore(replace(SLEEPY, **values))[0]
    assert (first.key, first.level) == (key, level)


@pytest.mark.parametrize(
    ("options", "values"),
    [
        (RestoreOptions(ignore_static_ip=True), {"addresses": {"10.88.0.4": "other"}}),
        (RestoreOptions(name="copy"), {"addresses": {"10.88.0.4": "other"}}),
        (RestoreOptions(tcp_close=True), {"members": {"checkpoint/tcp-stream-1a.img": 1}}),
        (
            RestoreOptions(ignore_volumes=True),
            {"then": {**SLEEPY.then, "volumes": ["data"]}, "volumes": frozenset({"data"})},
        ),
        (RestoreOptions(pod="p"), {"then": {**SLEEPY.then, "pod": "q"}, "pods": frozenset({"p"})}),
        (RestoreOptions(ignore_static_ip=True), {"networks": {"podman": ["10.89.0.0/24"]}}),
    ],
)
def test_a_restores_option_cures_what_it_is_for(options, values):
    assert not preflight.blocks(preflight_restore.of_restore(replace(SLEEPY, options=options, **values)))


@pytest.mark.parametrize(
    "values",
    [
        {"needs": Needs(memory_limit=1000, largest_process=1000)},
        {"needs": Needs(cpus=frozenset({0, 7}))},  # nobody knows what is here
        {"needs": Needs(plugins=("cuda_plugin",)), "now": {**SLEEPY.now, "criu_plugins": ["cuda_plugin"]}},
        {"needs": Needs(plugins=("cuda_plugin",)), "now": {"architecture": "x86_64", "criu_version": "4.2"}},
        {"needs": Needs(bound=frozenset({"10.88.0.4"})), "options": RestoreOptions(tcp_established=True)},
        {"needs": Needs(bound=frozenset({"10.0.0.1"})), "options": RestoreOptions(name="x", tcp_established=True)},
        {"members": {"checkpoint/parent": 0, "pre-checkpoint/pages-1.img": 1, "checkpoint/pages-1.img": 1}},
    ],
)
def test_what_fits_or_is_not_known_is_not_in_the_way(values):
    levels = {finding.key: finding.level for finding in preflight_restore.of_restore(replace(SLEEPY, **values))}
    assert {"pass"} == set(levels.values())


def test_the_security_module_of_a_foreign_checkpoint_is_the_one_that_its_processes_had():
    then = {name: value for name, value in SLEEPY.then.items() if name != "security_module"}
    foreign = replace(SLEEPY, then=then, needs=Needs(security_module="apparmor", profiles=("mine",)))
    assert preflight_restore.of_restore(foreign)[0].key == "security-module"
    assert not preflight.blocks(preflight_restore.of_restore(replace(foreign, needs=Needs(security_module="apparmor"))))


def test_each_security_module_has_its_own_remedy():
    sight = replace(SLEEPY, unknown_profiles=["x"])
    for module, word in (("apparmor", "apparmor_parser"), ("selinux", "container-selinux")):
        both = {"now": {**SLEEPY.now, "security_module": module}, "then": {**SLEEPY.then, "security_module": module}}
        assert word in preflight_restore.of_restore(replace(sight, **both))[0].remedy


def test_a_new_name_does_not_free_a_static_address():
    then = {**SLEEPY.then, "static_addresses": ["10.88.0.4"]}
    sight = replace(SLEEPY, options=RestoreOptions(name="copy"), then=then, addresses={"10.88.0.4": "other"})
    assert preflight_restore.of_restore(sight)[0].key == "address-taken"


def test_an_image_that_was_kept_is_brought_and_is_not_in_the_way():
    findings = preflight_restore.of_restore(replace(SLEEPY, image_here=False, image_kept=True))
    assert not preflight.blocks(findings)
    assert "image-brought" in [found.key for found in findings]


def test_a_copy_says_that_its_host_name_stays_and_an_older_podman_that_the_mac_address_goes():
    keys = lambda sight: {finding.key for finding in preflight_restore.of_restore(sight)}  # noqa: E731
    options = RestoreOptions(name="copy", ignore_static_ip=True)
    older, newer = ({**SLEEPY.now, "podman_version": version} for version in ("4.3.1", "5.8.0"))
    assert {"host-name", "mac-dropped"} <= keys(replace(SLEEPY, options=options, now=older))
    assert "mac-dropped" not in keys(replace(SLEEPY, options=options, now=newer))
    assert not {"host-name", "mac-dropped"} & keys(replace(SLEEPY, now=older))


def test_in_place_nothing_is_asked_that_podman_still_holds():
    sight = replace(SLEEPY, in_place=True, image_here=False, archive_here=False, store_free=1, storage_free=1)
    assert not preflight.blocks(preflight_restore.of_restore(sight))


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("port-taken", {"ports_taken": ["8080:80/tcp"]}),
        ("address-taken", {"addresses": {"10.88.0.4": "other"}}),
        ("bind-missing", {"missing_binds": ["/srv/gone"]}),
        ("free-memory", {"free_memory": 1}),
    ],
)
def test_in_place_what_was_taken_meanwhile_is_found_and_no_option_is_offered(key, values):
    first = preflight_restore.of_restore(replace(SLEEPY, in_place=True, **values))[0]
    assert (first.key, first.level, first.option) == (key, "block", "") and first.remedy


def test_facts_of_an_older_checkpoint_that_lack_something_judge_nothing():
    sight = replace(SLEEPY, then={"criu_version": "4.2.1"})
    assert not preflight.blocks(preflight_restore.of_restore(sight))
