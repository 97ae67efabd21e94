"""What is inside: processes, sockets, mounts as plain facts; which engine wrote it; damage is named, never a crash."""

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from containers_app.runtime import gleaning, images, inspection, surroundings
from tests.runtime.test_images import an_image, field

PODMAN = {"spec": {}, "rootfsImageID": "58d6", "namedVolumes": [{"volumeName": "vol", "dest": "/data"}]}
SPEC = {
    "process": {
        "args": ["redis-server"], "env": ["TOKEN=s3cret", "EMPTY", "A=b=c"],
        "capabilities": {"bounding": ["CAP_SYS_ADMIN", "CAP_CHOWN"]},
    },
    "mounts": [{"destination": "/data", "source": "/srv/data", "type": "bind", "options": ["rw", "rbind"]}],
    "annotations": {"io.container.manager": "libpod"},
    "linux": {"namespaces": [{"type": "pid"}], "resources": {"memory": {"limit": 1024}}},
    "hooks": {"prestart": [{"path": "/bin/evil"}]},
}  # fmt: skip
KEPT = {
    "config.dump": json.dumps(PODMAN).encode(),
    "checkpoint/pstree.img": an_image("pstree", field(1, 1) + field(2, 0) + field(5, 1)),
    "checkpoint/core-1.img": an_image("core", field(1, 1) + field(3, field(1, 1) + field(6, b"redis-server"))),
    "checkpoint/mm-1.img": an_image("mm", field(14, field(1, 4096) + field(2, 20480))),
    "checkpoint/pagemap-1.img": an_image("pagemap", field(1, 1), field(1, 4096) + field(2, 0) + field(5, 3)),
    "checkpoint/files.img": an_image(
        "files",
        field(1, 1) + field(2, 1) + field(3, field(6, b"/bin/redis")),
        field(1, 4)
        + field(2, 2)
        + field(4, field(3, 2) + field(5, 6) + field(6, 10) + field(7, 6379) + field(11, 0x0100007F)),
    ),
    "checkpoint/mountpoints-13.img": an_image("mountpoints", field(7, b"/data") + field(8, b"tmpfs")),
    "spec.dump": json.dumps(SPEC).encode(),
    "network.status": b'{"n": {"interfaces": {"eth0": {"subnets": [{"ipnet": "10.0.0.2/24"}], "mac_address": "aa"}}}}',
}


SIZES = {name: len(content) for name, content in KEPT.items()}


def test_a_whole_one_says_what_is_inside():
    found = inspection.inspect(KEPT, SIZES)
    (process,) = found["processes"]
    assert (process["comm"], process["state"], process["mapped_bytes"], process["dumped_bytes"]) == (
        "redis-server",
        "alive",
        16384,
        12288,
    )
    assert found["files"][0]["path"] == "/bin/redis"
    socket = found["sockets"][0]
    assert (socket["type"], socket["state"], socket["source"]) == ("TCP4", "LISTEN", "127.0.0.1:6379")
    assert found["mounts"][0]["mountpoint"] == "/data"
    assert found["engine"] == "podman" and found["unreadable"] == [] and json.dumps(found)


@pytest.mark.parametrize(
    ("names", "config", "engine"),
    [
        (["config.dump", "spec.dump"], PODMAN, "podman"),
        (["config.dump", "bind.mounts"], {"id": "1", "rootfsImageRef": "x"}, "cri-o"),
        (["config.dump", "status.dump", "status"], {"id": "1"}, "containerd"),
        (["config.dump"], {"id": "1"}, ""),
        (["config.dump"], None, ""),
    ],
)
def test_the_engine_that_wrote_an_archive_is_recognised(names, config, engine):
    assert inspection.engine_of(names, config) == engine


def test_a_long_list_is_cut_and_says_how_many_are_left_out(monkeypatch):
    monkeypatch.setattr(inspection, "MOST", 1)
    kept = {"pstree.img": an_image("pstree", *[field(1, pid) for pid in range(1, 4)])}
    found = inspection.inspect(kept, {})
    assert len(found["processes"]) == 1 and found["more"] == {"processes": 2}


@given(st.sampled_from(sorted(KEPT)), st.binary(max_size=200), st.integers(0, 60))
def test_damage_is_named_and_never_a_crash(name, noise, place):
    content = KEPT[name][:place] + noise
    assert json.dumps(inspection.inspect({**KEPT, name: content}, SIZES))


def test_an_image_that_cannot_be_read_is_named():
    found = inspection.inspect({**KEPT, "checkpoint/core-1.img": b"broken"}, SIZES)
    assert found["unreadable"] == ["core-1.img"] and images.kind_of("core-1.img") == "core"


def test_the_containers_own_files_say_how_it_was_set_up():
    found = inspection.inspect(KEPT, {**SIZES, "volumes/vol.tar": 1536, "checkpoint/pages-1.img": 4096})
    configuration = found["configuration"]
    assert configuration["capabilities"]["bounding"] == ["chown", "sys_admin"] and configuration["hooks"] == [
        "prestart"
    ]
    assert configuration["limits"] == [["memory limit", "1024"]] and found["annotations"][0][1] == "libpod"
    assert found["mounts_asked"][0]["source"] == "/srv/data" and found["network"][0]["addresses"] == ["10.0.0.2/24"]
    assert found["volumes"] == [{"name": "vol", "destination": "/data", "size": 1536}]
    assert found["sizes"]["memory"] == 4096 and found["sizes"]["volumes"] == 1536


def test_values_of_variables_are_given_apart_from_all_else():
    memory = {1: gleaning.Memory(b"redis-server\0*:6379\0", b"HOME=/root\0PASSWORD=hunter2\0\0\0")}
    found = inspection.inspect(KEPT, SIZES, memory=memory)
    assert found["environment"] == {"config": ["TOKEN", "EMPTY", "A"], "1": ["HOME", "PASSWORD"]}
    assert "s3cret" not in json.dumps(found) and "hunter2" not in json.dumps(found)
    assert found["processes"][0]["command"] == ["redis-server", "*:6379"]
    assert inspection.environment(KEPT, memory) == {
        "config": [["TOKEN", "s3cret"], ["EMPTY", ""], ["A", "b=c"]],
        "1": [["HOME", "/root"], ["PASSWORD", "hunter2"]],
    }


def test_a_spec_that_containerd_wrapped_is_read():
    wrapped = {"type_url": "opencontainers/runtime-spec/1/Spec", "value": base64.b64encode(json.dumps(SPEC).encode())}
    content = json.dumps({**wrapped, "value": wrapped["value"].decode()}).encode()
    assert surroundings.spec_of(content) == SPEC
    assert surroundings.spec_of(b'{"type_url": "x", "value": "%%"}') == {}


def test_cri_o_lists_its_bind_mounts_beside_the_spec():
    binds = [{"destination": "/etc/hosts", "source": "/run/h", "mode": "rw"}, {"destination": "/data", "source": "x"}]
    rows = surroundings.mounts_asked(SPEC, binds)
    assert [row["destination"] for row in rows] == ["/data", "/etc/hosts"] and rows[0]["source"] == "/srv/data"


NAMES = (
    "process", "linux", "env", "args", "mounts", "annotations", "namespaces", "capabilities", "bounding", "hooks",
    "namedVolumes", "volumeName", "interfaces", "subnets", "seccomp", "user", "resources", "memory", "limit", "value",
    "type_url",
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["config.dump", "spec.dump", "network.status", "bind.mounts", "deleted.files"]), JSON)
def test_no_json_makes_it_raise_or_keeps_a_text_that_a_database_refuses(name, value):
    kept = {**KEPT, name: json.dumps(value).encode()}
    text = json.dumps([inspection.inspect(kept, SIZES), inspection.environment(kept, {})], ensure_ascii=False)
    assert "\\u0000" not in text and text.encode()


def test_who_holds_what_and_what_waits_to_be_read():
    kept = {
        "checkpoint/pstree.img": an_image("pstree", field(1, 1)),
        "checkpoint/core-1.img": an_image("core", field(4, field(2, 9))),
        "checkpoint/fdinfo-9.img": an_image("fdinfo", field(1, 5) + field(2, 1) + field(3, 2) + field(4, 7)),
        "checkpoint/files.img": an_image(
            "files",
            field(1, 2) + field(2, 5) + field(18, field(1, 5) + field(2, 77) + field(3, 0o4001)),
            field(1, 5) + field(2, 6) + field(16, field(1, 6) + field(3, 1) + field(8, 8) + field(11, b"\0abstract")),
            field(1, 5) + field(2, 8) + field(16, field(1, 8) + field(3, 1) + field(4, 10) + field(11, b"/run/s\0")),
            field(1, 13) + field(2, 10) + field(7, field(3, 0) + field(7, 42)),
            field(1, 10) + field(2, 11) + field(6, field(1, 11)),
        ),
        "checkpoint/pipes-data.img": an_image("pipes-data", field(1, 77) + field(2, 3)) + b"abc",
        "checkpoint/sk-queues.img": an_image("sk-queues", field(1, 6) + field(2, 4)) + b"data",
    }
    found = inspection.inspect(kept, {})
    pipe = found["files"][0]
    assert (pipe["path"], pipe["access"], pipe["flags"], pipe["waiting_bytes"]) == (
        "pipe 77",
        "write",
        ["nonblocking"],
        3,
    )
    assert pipe["held"] == [[1, 7, True]]
    unix, listening, netlink, packet = found["sockets"]
    assert (unix["source"], unix["target"], unix["state"], unix["receive_bytes"]) == (
        "@abstract",
        "/run/s",
        "CONNECTED",
        4,
    )
    assert listening["state"] == "LISTEN" and (netlink["source"], netlink["target"]) == ("route", "42")
    assert packet["type"] == "packet socket" and found["unreadable"] == []


def test_memory_is_told_by_mapping_and_shared_memory_once_for_each_that_maps_it():
    private = field(1, 0x1000) + field(2, 0x4000) + field(5, 3) + field(6, 2) + field(7, 1 << 5)
    shared = (
        field(1, 0x8000)
        + field(2, 0xA000)
        + field(3, 0x1000)
        + field(4, 44)
        + field(5, 1)
        + field(6, 1)
        + field(7, 1 << 8)
    )
    kept = {
        "checkpoint/pstree.img": an_image("pstree", field(1, 1)),
        "checkpoint/mm-1.img": an_image("mm", field(14, private) + field(14, shared)),
        "checkpoint/pagemap-1.img": an_image("pagemap", field(1, 1), field(1, 0x2000) + field(4, 4) + field(5, 1)),
        "checkpoint/pagemap-shmem-44.img": an_image(
            "pagemap-shmem", field(1, 2), field(1, 0) + field(4, 4) + field(5, 2)
        ),
    }
    found = inspection.inspect(kept, {})
    heap, region = found["memory"]
    assert (heap["name"], heap["prot"], heap["size"], heap["dumped"]) == ("[heap]", "rw-p", 0x3000, 0x1000)
    assert (region["name"], region["prot"], region["dumped"]) == ("shared memory 44", "r--s", 0x1000)
    sums = found["processes"][0]
    assert (sums["mapped_bytes"], sums["dumped_bytes"], sums["shared_bytes"]) == (0x5000, 0x1000, 0x1000)
