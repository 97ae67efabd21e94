"""Archives that a plain Podman made elsewhere: reviewed, approved, restored from what was made anew; attacked ones are
refused by the agent, and nothing of them ever runs."""

import os
import subprocess
import uuid

import pytest
from django.contrib.auth import get_user_model

from containers_app.errors import Conflict
from containers_app.models import AuditEvent, Checkpoint, ImportReview, Operation
from containers_app.services import audit, imports, lifecycle, reviews, uploads
from tests import hostile, stranger
from tests.live.conftest import LOOP
from tests.live.site import CONTAINERS_CONF, wait_for

pytestmark = pytest.mark.live


class Elsewhere:
    """Another installation's Podman: a store, locks and a network of its own."""

    def __init__(self, folder, site):
        self.folder, self.site = folder, site
        (folder / "networks").mkdir()
        conf = CONTAINERS_CONF.format(folder=folder, subnet="10.213.79").replace("fftest", "ffelse")
        (folder / "containers.conf").write_text(conf)
        self.command = [
            "podman", "--root", f"{folder}/root", "--runroot", f"{folder}/runroot", "--tmpdir", f"{folder}/tmp",
        ]  # fmt: skip

    def podman(self, *arguments, check=True):
        env = {**self.site.env, "CONTAINERS_CONF": f"{self.folder}/containers.conf"}
        env["PATH"] = f"/opt/freezeframe/bin:{env['PATH']}"
        done = subprocess.run([*self.command, *arguments], env=env, capture_output=True, timeout=120, check=False)
        assert not check or done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def end(self):
        self.podman("rm", "--all", "--force", check=False)
        self.podman("rmi", "--all", "--force", check=False)
        for mount in ("root/overlay", "root"):
            subprocess.run(["umount", "--lazy", f"{self.folder}/{mount}"], check=False, stderr=subprocess.DEVNULL)


@pytest.fixture
def archive(site, operator, tmp_path_factory):
    """(a tar that a plain Podman exported elsewhere, the last number that its looper had counted)."""
    folder = tmp_path_factory.mktemp("elsewhere")
    elsewhere = Elsewhere(folder, site)
    try:
        operator.sample_image()
        site.podman("save", "--quiet", "--output", f"{folder}/image", lifecycle.SAMPLE_IMAGE)
        elsewhere.podman("load", "--quiet", "--input", f"{folder}/image")
        elsewhere.podman(
            "run", "--detach", "--name", "stranger", "--volume", "strange:/data", "--env", "TOKEN=s3cret",
            "--runtime", "runc", *site.limits, lifecycle.SAMPLE_IMAGE,
            "/bin/sh", "-c", f"echo kept > /data/x; echo mine > /tmp/y; {LOOP}",
        )  # fmt: skip
        wait_for(lambda: "3" in elsewhere.podman("logs", "stranger").split(), "it counts")
        elsewhere.podman("container", "checkpoint", "--compress", "none", "--export", f"{folder}/a.tar", "stranger")
        yield folder / "a.tar", int(elsewhere.podman("logs", "stranger").split()[-1])
    finally:
        elsewhere.end()


@pytest.fixture
def second_admin(site):
    user, _ = get_user_model().objects.get_or_create(username="approver", defaults={"is_superuser": True})
    return audit.Caller(user=user)


def bring(operator, path):
    """The operation that brings in this file, as an upload, once it has ended."""
    upload = uploads.begin(by=operator.by, file_name=path.name, size=path.stat().st_size)
    with open(path, "rb") as file:
        uploads.receive(upload=upload, offset=0, source=file)
    uploads.finish(upload=upload)
    return operator.ended(
        imports.request_import(by=operator.by, host=operator.host, upload=upload, request_key=uuid.uuid4())
    )


def test_a_stranger_s_checkpoint_counts_on_once_it_is_approved(site, operator, archive, second_admin):
    path, counted = archive
    operation = bring(operator, path)
    assert operation.state == "succeeded", operation.summary
    checkpoint = Checkpoint.objects.get(operation=operation)
    with pytest.raises(Conflict, match="awaits an approval"):
        operator.request_restore(checkpoint, "back")
    review = ImportReview.objects.get(checkpoint=checkpoint)
    reviews.decide(by=second_admin, review=review, approve=True, reason="made by the test elsewhere")
    container = operator.restore(checkpoint, "back")
    try:
        numbers = wait_for(lambda: [int(word) for word in site.logs("back")][3:], "it counts on")
        assert numbers[0] > counted and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert site.podman("exec", "back", "cat", "/data/x", "/tmp/y").split() == ["kept", "mine"]
        assert container.image_id == checkpoint.image_id and container.came_from == checkpoint
    finally:
        operator.remove(operator.kill(container).container)
        site.podman("volume", "rm", "strange")


def test_attacked_archives_are_refused_and_nothing_of_them_runs(site, operator, archive, tmp_path):
    path, marker = archive[0], tmp_path / "owned"
    hook = {"path": "/bin/sh", "args": ["sh", "-c", f"touch {marker}"]}
    changes = {
        "hooks": stranger.in_file("spec.dump", "hooks", to={"prestart": [hook], "createRuntime": [hook]}),
        "org.criu.config": stranger.in_file("spec.dump", "annotations", "org.criu.config", to=str(tmp_path / "c")),
        "conmonPidFile": stranger.in_file("config.dump", "conmonPidFile", to=str(marker)),
        "disagree": stranger.in_file("spec.dump", "mounts", "+", to=stranger.bind("/host", "/srv")),
        "no archive may have": stranger.in_file("spec.dump", "mounts", 3, "source", to="/etc"),
    }
    seen = 0
    for said, change in changes.items():
        operation = bring(operator, stranger.spoilt(path, tmp_path / "attacked.tar", change))
        review = ImportReview.objects.get(operation=operation)
        words = " ".join(row["words"] for row in review.findings if row["level"] == "block")
        assert operation.state == "failed" and (said in words or "own files" in words), words
        assert AuditEvent.objects.filter(action="archive.refused", operation=operation).exists()
        assert not Checkpoint.objects.filter(operation=operation).exists()
        seen += 1
    assert seen == 5 and not marker.exists()


@pytest.mark.parametrize("name", ["a zstd bomb", "millions of members", "a layer through its own link", "not a tar"])
def test_the_agent_survives_what_is_no_checkpoint(site, operator, tmp_path, name):
    store = set(os.listdir(site.store)) if site.store.exists() else set()
    spool = set(os.listdir(site.data / "spool"))
    operation = bring(operator, hostile.CORPUS[name].make(tmp_path))
    assert operation.state == "failed" and operation.summary.startswith("It was refused")
    assert set(os.listdir(site.store)) - store <= {"incoming"} and not os.listdir(site.store / "incoming")
    assert set(os.listdir(site.data / "spool")) <= spool
    assert not Operation.objects.filter(state="started").exists()
