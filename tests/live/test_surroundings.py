"""What a container has around it: limits, connections, an address, a pod. On this machine, whose network and cgroups
allow it: the second host has neither its memory nor its CPU to give."""

import json
import socket

import pytest

from tests.live.conftest import numbers
from tests.live.site import wait_for
from tests.live.test_options import run

pytestmark = pytest.mark.live


def test_limits_and_privileges_survive(site, operator):
    flags = ["--memory=64m", "--cpus=0.5", "--privileged", "--user=0:0", "--env=COLOUR=blue", "--label=team=ops"]
    container = run(site, operator, "limited", *flags)
    before = configuration(site, "limited")
    checkpoint = operator.checkpoint(container)
    operator.remove(container)
    operator.restore(checkpoint)
    assert configuration(site, "limited") == before
    assert before["Memory"] == 64 * 1024**2 and before["Privileged"] and before["NanoCpus"] == 500_000_000


def configuration(site, name):
    """What `podman container inspect` says of its limits and privileges."""
    found = json.loads(site.podman("container", "inspect", name))[0]
    kept = ("Memory", "NanoCpus", "CpuQuota", "CpuPeriod", "Privileged", "CapAdd", "SecurityOpt")
    host = {key: found["HostConfig"].get(key) for key in kept}
    return {**host, "Env": found["Config"]["Env"], "Labels": found["Config"]["Labels"], "User": found["Config"]["User"]}


def test_an_established_connection_survives_with_its_client_attached(site, operator):
    echo = "exec busybox nc -ll -p 7000 -e /bin/busybox cat"
    container = run(site, operator, "echo", command=echo)
    address = json.loads(site.podman("container", "inspect", "echo"))[0]["NetworkSettings"]["Networks"]
    address = next(iter(address.values()))["IPAddress"]
    with wait_for(lambda: connected(address, 7000), "it listens") as client:
        assert said(client, b"before\n") == b"before\n"
        failed = operator.ended(operator.request_checkpoint(container))
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


def test_a_static_address_is_in_the_way_when_it_is_taken_unless_it_is_ignored(site, operator):
    static = "--ip=10.213.77.200"
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


@pytest.fixture
def pods(site, monkeypatch):
    """Two pods; their own containers get limits that this machine can hand on."""
    conf = site.folder / "pods.conf"
    text = (site.folder / "containers.conf").read_text()
    conf.write_text(
        text.replace("[containers]", '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]')
    )
    monkeypatch.setitem(site.env, "CONTAINERS_CONF", str(conf))
    for name in ("first", "second"):
        site.podman("--runtime", "runc", "pod", "create", "--name", name, "--share", "net,uts")
    yield
    site.podman("pod", "rm", "--all", "--force", "--time", "0")


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
