"""An archive for another place: what is changed in it, what stays as it was, and that it is verified all the same."""

import json
import random
import tarfile

import pytest

from containers_app.errors import ArchiveError
from containers_app.runtime import archive, relocation
from containers_app.runtime.relocation import Place
from containers_app.runtime.store import DirectoryStore
from tests import archives

OWN = "/var/lib/containers/storage/overlay-containers/c/userdata"
CONFIG = {
    **archives.CONFIG,
    "createNetNS": True,
    "conmonPidFile": "/run/there/conmon.pid",
    "newNetworks": {"podman": {"interface_name": "eth0", "static_ips": ["10.88.0.9"]}},
    "newPortMappings": [{"host_port": 8080, "container_port": 80}],
    "namedVolumes": [{"volumeName": "data", "dest": "/data", "options": ["rw"]}],
}
SPEC = {
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/data", "type": "bind", "source": "/there/volumes/data/_data", "options": ["rw"]},
        {"destination": "/etc/hosts", "type": "bind", "source": f"{OWN}/hosts", "options": ["bind"]},
        {"destination": "/srv", "type": "bind", "source": "/srv/data", "options": ["rbind"]},
        {"destination": "/ro", "type": "bind", "source": "/srv/ro", "options": ["rbind", "ro"]},
    ],
    "annotations": {"kept": "yes"},
    "linux": {
        "resources": {"pids": {"limit": 9}, "memory": {}},
        "namespaces": [{"type": "pid"}, {"type": "network", "path": "/run/netns/x"}],
    },
}
PLACE = Place("/here/volumes", lambda name: f"drill-{name}", network="island", without_ports=True, criu_config="/c")


@pytest.fixture
def store(tmp_path):
    return DirectoryStore(tmp_path / "archives")


@pytest.fixture
def stored(store):
    content = archives.members(config=CONFIG, spec=SPEC) | {"volumes/data.tar": archives.a_tar({"x": b"hi"})}
    return archives.put(store, content)


def relocate(store, facts, tmp_path, place=PLACE):
    target = tmp_path / "import.tar"
    with store.open(facts.sha256) as packed:
        found = relocation.relocate(packed, target, sha256=facts.sha256, place=place)
    with tarfile.open(target) as tar:
        return found, {info.name: tar.extractfile(info).read() for info in tar}


def test_ports_networks_and_volumes_are_those_of_the_new_place(store, stored, tmp_path):
    found, members = relocate(store, stored, tmp_path)
    config, spec = json.loads(members["config.dump"]), json.loads(members["spec.dump"])
    assert "newPortMappings" not in config
    assert config["newNetworks"] == {"island": {"interface_name": "eth0"}}
    assert [row["volumeName"] for row in config["namedVolumes"]] == ["drill-data"]
    assert "volumes/drill-data.tar" in members and "volumes/data.tar" not in members
    assert spec["mounts"][1]["source"] == "/here/volumes/drill-data/_data"
    assert spec["annotations"] == {"kept": "yes", "org.criu.config": "/c"}
    assert (found.config, found.spec) == (CONFIG, SPEC)


def test_everything_else_is_as_it_was(store, stored, tmp_path):
    _, members = relocate(store, stored, tmp_path)
    before = archives.members()
    for name in ("checkpoint/inventory.img", "checkpoint/pages-1.img"):
        assert members[name] == before[name]
    assert members["volumes/drill-data.tar"] == archives.a_tar({"x": b"hi"})
    spec = json.loads(members["spec.dump"])
    assert [spec["mounts"][number] for number in (0, 2, 3, 4)] == [SPEC["mounts"][number] for number in (0, 2, 3, 4)]


def test_a_host_whose_volumes_lie_elsewhere_gets_their_place_alone(store, stored, tmp_path):
    _, members = relocate(store, stored, tmp_path, Place("/here/volumes"))
    config = json.loads(members["config.dump"])
    assert config == {name: value for name, value in CONFIG.items() if name != "conmonPidFile"}
    assert json.loads(members["spec.dump"])["mounts"][1]["source"] == "/here/volumes/data/_data"


def test_a_network_of_the_hosts_own_is_left(store, tmp_path):
    facts = archives.put(store, archives.members(config={**CONFIG, "createNetNS": False}, spec=SPEC))
    _, members = relocate(store, facts, tmp_path)
    assert json.loads(members["config.dump"])["newNetworks"] == CONFIG["newNetworks"]


def test_it_tells_what_of_the_host_is_mounted_and_which_namespaces_are_its_own(store, stored, tmp_path):
    found, _ = relocate(store, stored, tmp_path)
    assert found.binds == [("/srv/data", True), ("/srv/ro", False)]
    assert found.volumes == [("data", "/data")]
    assert found.own_namespaces == {"pid", "network"}


def test_damage_is_refused_whatever_it_leads_to(store, stored, tmp_path):
    path, bits = store.path(stored.sha256), random.Random(3)
    good = path.read_bytes()
    for number in range(200):
        changed = bytearray(good)
        changed[bits.randrange(len(good))] ^= 1 << bits.randrange(8)
        path.write_bytes(bytes(changed))
        folder = tmp_path / str(number)
        folder.mkdir()
        with pytest.raises(ArchiveError, match="damaged"):
            relocate(store, stored, folder)


def test_what_is_no_archive_of_podman_is_said(store, tmp_path):
    content = archives.members()
    del content["spec.dump"]
    with pytest.raises(ArchiveError, match=r"no spec\.dump"):
        relocate(store, archives.put(store, content), tmp_path)


def test_a_host_that_counts_no_processes_gets_no_limit_of_them(store, stored, tmp_path):
    _, members = relocate(store, stored, tmp_path, Place("/here/volumes", without_pids_limit=True))
    assert json.loads(members["spec.dump"])["linux"] == {**SPEC["linux"], "resources": {"memory": {}}}


def test_an_images_files_become_an_archive_for_this_host(store, stored, tmp_path):
    with store.open(stored.sha256) as packed:
        archive.unpack(packed, tmp_path / "plain.tar", sha256=stored.sha256)
    mounted = tmp_path / "mounted"
    with tarfile.open(tmp_path / "plain.tar") as tar:
        tar.extractall(mounted, filter="data")
    found = relocation.gather(mounted, tmp_path / "import.tar", place=PLACE)
    assert found.config == CONFIG
    with tarfile.open(tmp_path / "import.tar") as tar:
        assert {"config.dump", "spec.dump", "checkpoint/pages-1.img", "volumes/drill-data.tar"} <= set(tar.getnames())
        assert json.load(tar.extractfile("config.dump"))["newNetworks"] == {"island": {"interface_name": "eth0"}}


def test_a_link_in_an_image_is_not_followed(tmp_path):
    (tmp_path / "mounted").mkdir()
    (tmp_path / "mounted" / "config.dump").symlink_to("/etc/passwd")
    with pytest.raises(ArchiveError, match="what no checkpoint has"):
        relocation.gather(tmp_path / "mounted", tmp_path / "import.tar", place=PLACE)
