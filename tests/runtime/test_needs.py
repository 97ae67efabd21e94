"""What a checkpoint asks of its next host, from what was seen inside; and what a security module does not know."""

import os

import pytest

from containers_app.runtime import criu, inspection, lsm, needs
from tests.runtime.test_images import an_image, field


def connection(source, state="ESTABLISHED", kind="TCP4"):
    return {"type": kind, "state": state, "source": source, "target": "10.0.0.9:40000"}


SEEN = {
    "configuration": {
        "limits": [["memory limit", "67108864"], ["cpu cpus", "0-2,7"], ["pids limit", "2048"]],
        "namespaces": [{"type": "mount", "path": ""}, {"type": "pid", "path": ""}, {"type": "ipc", "path": ""}],
    },
    "criu": {"security_module": "apparmor", "network_lock": "iptables", "plugins": ["cuda_plugin"]},
    "processes": [{"dumped_bytes": 5, "lsm": "containers-default-0.50.1"}, {"dumped_bytes": 9, "lsm": "unconfined"}],
    "sockets": [
        connection("10.88.0.4:80"), connection("0.0.0.0:80", state="LISTEN"), connection("127.0.0.1:7000"),
        connection("[::ffff:10.88.0.5]:80", kind="TCP6"), connection("[fd00::1]:80", kind="TCP6"),
    ],
}  # fmt: skip


def test_what_was_seen_inside_says_what_its_next_host_must_have():
    found = needs.of(SEEN, ["checkpoint/amdgpu-kfd-7.img", "checkpoint/pages-1.img"])
    assert (found.memory_limit, found.largest_process, found.cpus) == (67108864, 9, frozenset({0, 1, 2, 7}))
    assert found.profiles == ("containers-default-0.50.1",) and found.security_module == "apparmor"
    assert found.plugins == ("amdgpu_plugin", "cuda_plugin") and found.network_lock == "iptables"
    assert found.bound == {"10.88.0.4", "10.88.0.5"} and found.shares == frozenset()


def test_where_nobody_looked_nothing_is_asked_for():
    assert needs.of({}) == needs.NOTHING
    assert needs.of({"configuration": {"namespaces": []}, "processes": [{}]}) == needs.NOTHING


def test_namespaces_that_it_shares_with_the_host_or_has_of_its_own():
    types = [{"type": "mount", "path": ""}, {"type": "user", "path": ""}]
    assert needs.of({"configuration": {"namespaces": types}}).shares == {"ipc", "pid", "user"}


def test_of_a_checkpoint_image_the_facts_that_were_kept_tell_as_much_as_they_do():
    found = needs.of_facts({"cpus": "0-1", "security_profile": "containers-default-0.50.1", "volumes": []})
    assert found == needs.Needs(cpus=frozenset({0, 1}), profiles=("containers-default-0.50.1",))
    assert needs.of_facts({"security_profile": "unconfined"}) == needs.of_facts({}) == needs.NOTHING


def test_profiles_that_criu_carries_along_are_not_asked_for():
    assert needs.of(SEEN, ["checkpoint/apparmor.img"]).profiles == ()


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("0", {0}), ("0-1", {0, 1}), ("3,0-1\n", {0, 1, 3}), ("", set()), ("0-999999999999", set()), ("x", set())],
)
def test_a_list_of_cpus_is_read_and_one_without_end_is_none(text, numbers):
    assert needs.cpu_set(text) == numbers


def test_the_inventory_tells_of_plugins_of_the_security_module_and_of_what_locked_the_network():
    plugins = field(12, b"cuda_plugin") + field(12, b"amdgpu_plugin")
    message = field(1, 2) + field(6, 2) + field(11, 1) + field(12, plugins)
    found = inspection.inspect({"checkpoint/inventory.img": an_image("inventory", message)}, {})["criu"]
    assert found == {
        "security_module": "apparmor", "network_lock": "nftables", "plugins": ["cuda_plugin", "amdgpu_plugin"],
    }  # fmt: skip
    older = inspection.inspect({"checkpoint/inventory.img": an_image("inventory", field(1, 1))}, {})["criu"]
    assert older == {"security_module": "", "network_lock": "iptables", "plugins": []}
    assert inspection.inspect({}, {})["criu"] == {}


def test_the_plugins_of_this_criu_are_its_libraries(tmp_path, monkeypatch):
    monkeypatch.setattr(criu, "PLUGINS", tmp_path / "criu")
    assert criu.plugins() == []
    (tmp_path / "criu").mkdir()
    for name in ("cuda_plugin.so", "amdgpu_plugin.so", "README"):
        (tmp_path / "criu" / name).touch()
    assert criu.plugins() == ["amdgpu_plugin", "cuda_plugin"]


def test_profiles_that_apparmor_has_not_loaded_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(lsm, "APPARMOR_PROFILES", tmp_path / "profiles")
    assert lsm.unknown("apparmor", ["x"]) == [], "nobody can tell"
    (tmp_path / "profiles").write_text("containers-default-0.50.1 (enforce)\n/usr/bin/man (complain)\n")
    profiles = ["/usr/bin/man", "containers-default-0.50.1", "mine", "containers-default"]
    assert lsm.unknown("apparmor", profiles) == ["mine", "containers-default"]
    assert lsm.unknown("", profiles) == []


def test_labels_that_selinux_refuses_are_named(tmp_path, monkeypatch):
    context = tmp_path / "context"
    monkeypatch.setattr(lsm, "SELINUX_CONTEXT", context)
    assert lsm.unknown("selinux", ["a:b:c:s0"]) == [], "nobody can tell"
    context.touch()
    write = os.write

    def kernel(file, content):
        if content == b"strange_t\0":
            raise OSError(22, "Invalid argument")
        return write(file, content)

    monkeypatch.setattr(os, "write", kernel)
    assert lsm.unknown("selinux", ["system_u:system_r:container_t:s0", "strange_t"]) == ["strange_t"]
