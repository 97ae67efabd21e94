"""Archives of CRI-O and containerd: recognised, shown like any other, and never restored by Podman."""

import gzip
import json
from base64 import b64encode

import pytest

from containers_app.errors import Conflict
from containers_app.models import Checkpoint, Operation
from containers_app.runtime.rebuild import Here
from containers_app.runtime.types import RestoreOptions
from containers_app.services import agent, audit, imports, operations, restores
from tests import stranger
from tests.builders import a_host, an_admin
from tests.runtime.test_gleaning import mm, pagemap
from tests.views.conftest import words

pytestmark = pytest.mark.django_db

# The reduced configuration that checkpointctl's library defines; both engines write it.
CONFIG = {
    "id": "5c" * 32, "name": "web", "rootfsImage": "quay.example/nginx:1", "rootfsImageRef": "sha256:" + "5" * 64,
    "rootfsImageName": "quay.example/nginx:1", "runtime": "runc", "createdTime": "2026-11-24T10:00:00Z",
    "checkpointedTime": "2026-11-24T11:00:00Z", "restored": False,
}  # fmt: skip
BINDS = [{"destination": "/dev/termination-log", "source": "/var/lib/kubelet/hosts", "type": "bind", "mode": "0644"}]


def as_cri_o(members):
    log = {"dump.log": b"Dumping finished successfully", "io.kubernetes.cri-o.LogPath": b"started\n"}
    return {**members, "bind.mounts": json.dumps(BINDS).encode(), **log}


def as_containerd(members):
    wrapped = {"type_url": "types.containerd.io/opencontainers/runtime-spec/1/Spec"}
    spec = {**wrapped, "value": b64encode(members["spec.dump"]).decode()}
    layer = gzip.compress(stranger.tar(("usr/share/page.html", b"<h1>hi</h1>")))
    more = {"status.dump": b'{"Pid": 7}', "status": b"internal", "dump.log": b"", "container.log": b"started\n"}
    return {**members, "spec.dump": json.dumps(spec).encode(), "rootfs-diff.tar": layer, **more}


def archive(folder, shape):
    """An archive of that engine, with the memory of its first process."""
    members = shape(stranger.members() | {"config.dump": json.dumps(CONFIG).encode()})
    memory = {
        "checkpoint/mm-1.img": mm(),
        "checkpoint/pagemap-1.img": pagemap((0x7FFC00000000, 2, 4), pages_id=1),
        "checkpoint/pages-1.img": b"\0" * 8192,
    }
    return stranger.written(folder, stranger.tar(*sorted({**members, **memory}.items())))


@pytest.fixture
def brought(request, settings, tmp_path, monkeypatch):
    """(the checkpoint, who brought it in) of an archive of one engine."""
    settings.SPOOL_DIR, settings.STORE_DIR = tmp_path / "spool", tmp_path / "archives"
    settings.IMPORT_FROM = [tmp_path / "in"]
    (tmp_path / "in").mkdir()
    monkeypatch.setattr(imports, "here", lambda host: Here(podman_version="5.8.2"))
    by = audit.Caller(user=an_admin("ada"))
    operation = imports.request_import(by=by, host=a_host(), path=str(archive(tmp_path / "in", request.param)))
    agent.run(operation.pk)
    operation.refresh_from_db()
    assert operation.state == "succeeded", operation.summary
    return Checkpoint.objects.get(operation=operation), by


BOTH = pytest.mark.parametrize("brought", [as_cri_o, as_containerd], ids=["cri-o", "containerd"], indirect=True)
NAMES = {"as_cri_o": "cri-o", "as_containerd": "containerd"}


@BOTH
def test_it_is_recognised_and_shown(brought, client, request):
    checkpoint, by = brought
    engine = request.node.callspec.id
    assert checkpoint.engine == engine
    client.force_login(by.user)
    assert "sh" in words(client.get(f"/catalog/{checkpoint.pk}/inside/"))
    text = words(client.get(f"/catalog/{checkpoint.pk}/inside/configuration/"))
    assert f"{engine}’s archive" in text and "quay.example/nginx:1" in text
    assert engine in words(client.get(f"/catalog/{checkpoint.pk}/"))
    where = {"cri-o": ("mounts", "/var/lib/kubelet/hosts"), "containerd": ("files", "/usr/share/page.html")}[engine]
    assert where[1] in words(client.get(f"/catalog/{checkpoint.pk}/inside/{where[0]}/"))


@BOTH
def test_a_restore_is_refused_before_anything_by_the_request_and_by_the_agent(brought, monkeypatch):
    checkpoint, by = brought
    with pytest.raises(Conflict, match="not Podman"):
        restores.request_restore(by=by, checkpoint=checkpoint, name="web", options=RestoreOptions())
    assert not Operation.objects.filter(kind="restore").exists()
    flags = {**RestoreOptions().as_json(), "name": "web"}
    operation = operations.request(
        by=by, kind="restore", host=checkpoint.host, checkpoint=checkpoint, target_name="web", sentence="asked",
        options={"flags": flags, "forced": True},
    )  # fmt: skip
    agent.run(operation.pk)
    operation.refresh_from_db()
    assert operation.state == "failed" and "not Podman" in operation.summary and operation.commands == []
