"""The second host: a newer Podman with an agent of its own, on the same database, Redis and archive store."""

import os
from pathlib import Path

import pytest

from containers_app.errors import BadInput
from containers_app.models import AuditEvent, Host
from containers_app.runtime import creation, podman_arguments, sample
from tests.lab.lab import Lab
from tests.live.conftest import both_hosts
from tests.live.site import wait_for

pytestmark = pytest.mark.live

# Flags of our tables that a host lacks, by its Podman's and its OCI runtime's version: neither offered nor sent there.
# Podman has --tcp-close from 5.7 on, but runc 1.3 does not know what it is then asked for.
LACKING = {("4", "1.1"): {"--tcp-close"}, ("5", "1.3"): {"--tcp-close"}}


@both_hosts
def test_the_flags_that_this_podman_lacks_are_known(operator):
    facts = operator.host.facts
    restore = {*podman_arguments.RESTORE_FLAGS.values(), *podman_arguments.IMPORT_FLAGS.values()}
    ours = {
        "checkpoint": set(podman_arguments.CHECKPOINT_FLAGS.values()), "restore": restore,
        "create": set(creation.FLAGS.values()),
    }  # fmt: skip
    lacking = {flag for verb, flags in ours.items() for flag in flags - set(facts["flags"][verb])}
    versions = facts["podman_version"].split(".")[0], ".".join(facts["oci_runtime_version"].split(".")[:2])
    assert lacking == LACKING[versions]


def test_each_host_knows_its_own_podman(lab, site):
    hosts = {host.name: host.facts for host in Host.objects.all()}
    assert {"local", "lab"} <= set(hosts)
    assert hosts["lab"]["podman_version"].startswith("5.") and hosts["lab"]["cgroup_version"] == "v2"
    assert hosts["lab"]["podman_version"] in lab.podman("--version")
    assert hosts["local"]["podman_version"] in site.podman("--version")


@pytest.mark.parametrize("site", ["lab"], indirect=True)
def test_an_operation_is_done_by_the_agent_of_its_host(site, running_site, operator):
    looper = operator.create("looper")
    operator.checkpoint(looper)
    events = AuditEvent.objects.filter(container=looper, action="checkpoint.taken")
    assert [event.operation.host.name for event in events] == ["lab"]
    assert site.state("looper") == "exited" and running_site.state("looper") == "gone"


@pytest.mark.parametrize("site", ["lab"], indirect=True)
def test_a_flag_that_podman_has_and_its_oci_runtime_lacks_is_not_offered(site, operator):
    assert "--tcp-close" in site.podman("container", "restore", "--help")
    assert "--tcp-close" not in site.run("runc", "restore", "--help")
    looper = operator.create("looper")
    checkpoint = operator.checkpoint(looper)
    with pytest.raises(BadInput):
        operator.request_restore(checkpoint, tcp_close=True)


def test_nothing_of_a_second_host_is_left(running_site, tmp_path):
    lab = Lab(running_site)
    lab.folder = tmp_path / "lab"
    lab.boot()
    lab.podman("import", "--quiet", "-", "localhost/sample", stdin=sample.root())
    looper = lab.podman("run", "--detach", *lab.limits, "localhost/sample", "/bin/sh", "-c", "sleep 1000").strip()
    assert lab.run("ls", f"/sys/fs/cgroup/libpod_parent/libpod-{looper}")
    assert f"fflab{lab.number}" in os.listdir("/sys/class/net")
    namespace = os.readlink(f"/proc/{lab.first_process}/ns/pid")
    assert len(processes_of(namespace)) > 1  # the first one and conmon; the workload has a namespace of its own
    lab.init.stdin.close()  # as when the tests are killed
    wait_for(lambda: not processes_of(namespace), "every process ends")
    assert lab.init.wait(timeout=10) == 0
    assert cgroups_of(looper) == []
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()
    wait_for(lambda: f"fflab{lab.number}" not in os.listdir("/sys/class/net"), "the cable goes")


def processes_of(namespace):
    """The processes whose PID namespace is that one (pid_namespaces(7))."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            found += [entry.name] if os.readlink(entry / "ns/pid") == namespace else []
        except OSError:
            continue
    return found


def cgroups_of(container):
    """Directories of the container's cgroup, wherever this machine has mounted cgroup v2."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    roots = [Path(mount[1]) for mount in mounts if mount[2] == "cgroup2"]
    return [path for root in roots for path in root.glob(f"libpod_parent/libpod-{container}")]
