"""The form for a new container, on real Podman: what was asked for is what the container has."""

import json

import pytest

from tests.live.conftest import numbers

pytestmark = pytest.mark.live


def inspected(site, name):
    return json.loads(site.podman("container", "inspect", name))[0]


def test_a_container_has_what_was_asked_for(site, operator):
    container = operator.create(
        "shaped", label=["team=ops"], memory="64m", cpus="0.5", user="0:0", volume=["ff-shaped:/data"], tty=True,
        restart="unless-stopped", ulimit=["nofile=512:512"], cap_drop=["NET_RAW"], env=["TOKEN=s3cr3t"],
    )  # fmt: skip
    numbers(site, "shaped")
    found = inspected(site, "shaped")
    host, config = found["HostConfig"], found["Config"]
    assert (host["Memory"], host["NanoCpus"], host["Privileged"]) == (64 * 1024**2, 500_000_000, False)
    assert host["RestartPolicy"]["Name"] == "unless-stopped" and "CAP_NET_RAW" in host["CapDrop"]
    assert config["Labels"]["team"] == "ops" and config["Tty"] and "TOKEN=s3cr3t" in config["Env"]
    assert [mount["Name"] for mount in found["Mounts"]] == ["ff-shaped"]
    limits = site.podman("exec", "shaped", "/bin/sh", "-c", "ulimit -n")
    assert limits.strip() == "512"
    assert "s3cr3t" not in json.dumps(container.operations.get().commands)
    site.podman("rm", "--force", "--time", "0", "shaped")
    site.podman("volume", "rm", "ff-shaped")


def test_privileges_are_there_when_an_administrator_asks_for_them(site, operator, tmp_path):
    (tmp_path / "seen").write_text("by the container\n")
    operator.create("mighty", privileged=True, volume=[f"{tmp_path}:/host:ro"], security_opt=["label=disable"])
    assert inspected(site, "mighty")["HostConfig"]["Privileged"]
    assert site.podman("exec", "mighty", "cat", "/host/seen") == "by the container\n"


def test_it_is_only_created_when_that_was_asked_for(site, operator):
    container = operator.create("resting", start=False)
    assert container.state == "created" and site.state("resting") == "created"
