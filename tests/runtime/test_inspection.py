"""What is inside: processes, sockets, mounts as plain facts; which engine wrote it; damage is named, never a crash."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers_app.runtime import images, inspection
from tests.runtime.test_images import an_image, field

PODMAN = {"spec": {}, "rootfsImageID": "58d6"}
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
}


def test_a_whole_one_says_what_is_inside():
    found = inspection.inspect(KEPT, KEPT.keys())
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
    found = inspection.inspect(kept, [])
    assert len(found["processes"]) == 1 and found["more"] == {"processes": 2}


@given(st.sampled_from(sorted(KEPT)), st.binary(max_size=200), st.integers(0, 60))
def test_damage_is_named_and_never_a_crash(name, noise, place):
    content = KEPT[name][:place] + noise
    assert json.dumps(inspection.inspect({**KEPT, name: content}, KEPT))


def test_an_image_that_cannot_be_read_is_named():
    found = inspection.inspect({**KEPT, "checkpoint/core-1.img": b"broken"}, KEPT)
    assert found["unreadable"] == ["core-1.img"] and images.kind_of("core-1.img") == "core"
