"""What a container has around it: limits, connections, addresses, a pod; and what of that a restore may leave."""

import json
import socket
from pathlib import Path

import pytest

from tests.live.conftest import both_hosts, numbers
from tests.live.site import _free_port, wait_for
from tests.live.test_options import LOOP, run

pytestmark = pytest.mark.live


@both_hosts
def test_limits_and_privileges_survive(site, operator):
    limits = [] if site.host_name == "lab" else ["--memory=64m", "--cpus=0.5"]  # its cgroup has neither to give
    flags = [*limits, "--privileged", "--user=0:0", "--env=COLOUR=blue", "--label=team=ops"]
    container = run(site, operator, "limited", *flags)
    before = configuration(site, "limited")
    checkpoint = operator.checkpoint(container)
    operator.remove(container)
    operator.restore(checkpoint)
    assert configuration(site, "limited") == before
    assert before["Privileged"]
    assert not limits or (before["Memory"], before["NanoCpus"]) == (64 * 1024**2, 500_000_000)


def configuration(site, name):
    """What `podman container inspect` says of its limits and privileges."""
    found = json.loads(site.podman("container", "inspect", name))[0]
    kept = ("Memory", "NanoCpus", "CpuQuota", "CpuPeriod", "Privileged", "CapAdd", "SecurityOpt")
    host = {key: found["HostConfig"].get(key) for key in kept}
    return {**host, "Env": found["Config"]["Env"], "Labels": found["Config"]["Labels"], "User": found["Config"]["User"]}


@both_hosts
def test_an_established_connection_survives_with_its_client_attached(site, operator):
    echo = "exec busybox nc -ll -p 7000 -e /bin/busybox cat"
    port = _free_port()
    # Where it is the last of its network, the bridge goes and comes with it, and the kernel may forget meanwhile whose
    # address it had put in place of the client's.
    operator.create("neighbour")
    container = run(site, operator, "echo", f"--publish={site.address}:{port}:7000", command=echo)
    with wait_for(lambda: connected(site.address, port), "it listens") as client:
        assert said(client, b"before\n") == b"before\n"
        failed = operator.ended(operator.request_checkpoint(container, forced=True))
        assert (failed.state, failed.failure) == ("failed", "tcp-established-dump")
        assert said(client, b"still there\n") == b"still there\n"
        operator.checkpoint(container, mode="copy", tcp_established=True)
        assert said(client, b"after\n") == b"after\n"


def connected(address, port):
    try:
        return socket.create_connection((address, port), timeout=10)
    except OSError:
        return None


def said(client, text):
    """What comes back of `text`."""
    client.sendall(text)
    return client.recv(100)


@both_hosts
def test_a_static_address_is_in_the_way_when_it_is_taken_unless_it_is_ignored(site, operator):
    static = f"--ip={site.subnet}.200"
    container = run(site, operator, "fixed", static)
    checkpoint = operator.checkpoint(container)
    operator.remove(container)
    run(site, operator, "squatter", static)
    failed = operator.ended(operator.request_restore(checkpoint))
    assert failed.state == "failed" and site.state("fixed") == "gone"
    restored = operator.restore(checkpoint, ignore_static_ip=True)
    assert restored.running and static[5:] not in site.podman("exec", "fixed", "busybox", "ip", "address")
    operator.kill(restored)
    operator.remove(restored)
    site.podman("rm", "--force", "--time", "0", "squatter")
    operator.restore(checkpoint)
    assert static[5:] in site.podman("exec", "fixed", "busybox", "ip", "address")


@both_hosts
def test_a_static_mac_address_comes_back_unless_it_is_ignored(site, operator):
    mac = "02:ff:00:00:00:07"
    container = run(site, operator, "fixed", f"--mac-address={mac}")
    checkpoint = operator.checkpoint(container)
    shown = lambda name: site.podman("exec", name, "busybox", "ip", "link")  # noqa: E731
    operator.restore(checkpoint, name="other", ignore_static_mac=True)
    assert mac not in shown("other")
    operator.remove(container)
    operator.restore(checkpoint)
    assert mac in shown("fixed")


@both_hosts
def test_a_restore_can_leave_changed_files_behind(site, operator):
    container = run(site, operator, "writer", command=f"echo new > /added; {LOOP}")
    numbers(site, "writer")
    checkpoint = operator.checkpoint(container)
    operator.restore(checkpoint, name="without", ignore_rootfs=True)
    operator.restore(checkpoint, name="with")
    listed = {name: site.podman("exec", name, "ls", "/").split() for name in ("with", "without")}
    assert "added" in listed["with"] and "added" not in listed["without"]


@both_hosts
def test_a_dump_that_was_kept_can_be_restored_in_place_once_more(site, operator):
    container = run(site, operator, "kept")
    checkpoint = operator.checkpoint(container)
    dump = Path(json.loads(site.podman("container", "inspect", "kept"))[0]["StaticDir"]) / "checkpoint"
    look = lambda: site.host_path(dump).is_dir() and any(site.host_path(dump).iterdir())  # noqa: E731
    operator.restore(checkpoint, keep=True)
    assert look(), "Podman keeps the dump of a restore with --keep"
    again = operator.checkpoint(container)
    operator.restore(again)
    assert not look(), "and takes it away without"


@pytest.fixture
def pods(site, monkeypatch):
    """Two pods; their own containers get limits that the host can hand on."""
    conf = site.folder / "pods.conf"
    text = (site.folder / "containers.conf").read_text()
    conf.write_text(text.replace("[containers]", f"[containers]\n{site.defaults}"))
    inside = conf if site.host_name == "local" else f"/var/lib/containers/{conf.name}"
    monkeypatch.setattr(site, "more_env", {"CONTAINERS_CONF": str(inside)})
    for name in ("first", "second"):
        site.podman("--runtime", "runc", "pod", "create", "--name", name, "--share", "net,uts")
    yield
    site.podman("pod", "rm", "--all", "--force", "--time", "0")


@both_hosts
def test_what_was_in_a_pod_is_restored_into_a_pod(site, operator, pods):
    container = run(site, operator, "member", "--pod=first")
    last = int(numbers(site, "member", at_least=3)[-1])
    checkpoint = operator.checkpoint(container)
    failed = operator.ended(operator.request_restore(checkpoint, name="outside"))
    assert failed.state == "failed" and site.state("outside") == "gone"
    missing = operator.ended(operator.request_restore(checkpoint, name="outside", pod="third"))
    assert missing.state == "failed" and "no such pod" in missing.output
    operator.restore(checkpoint, name="moved", pod="second")
    assert int(numbers(site, "moved")[-1]) >= last
    assert "second" in site.podman("ps", "--pod", "--format", "{{.Names}} {{.PodName}}", "--filter", "name=moved")
