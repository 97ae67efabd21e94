"""What goes wrong on the way: files that the export forgets, a full store, a killed agent, a damaged archive."""

import io
import signal
import subprocess
import tarfile

import pytest

from containers_app.errors import Conflict
from containers_app.models import Checkpoint, Container, KeptImage, Operation
from containers_app.runtime import sample
from containers_app.runtime.types import CheckpointOptions
from containers_app.services import lifecycle, operations
from tests.live.conftest import LOOP, both_hosts, fresh, numbers
from tests.live.site import wait_for

pytestmark = pytest.mark.live

MEGABYTES = 200
# Keeps that much random text in the memory of one process, and counts in another.
HOG = f"(head -c {MEGABYTES}000000 /dev/urandom | busybox base64; sleep 99999) | busybox sort >/dev/null & {LOOP}"


@pytest.fixture
def hog(site, operator):
    """A looper whose processes hold at least 200 MB."""
    container = operator.create("hog", HOG.replace("head -c", "busybox head -c"))
    warm = lambda: site.resident_bytes(fresh(container).pid) > MEGABYTES * 1_000_000  # noqa: E731
    wait_for(warm, "the memory is filled")
    return container


def image_with_files(site):
    """An image of the sample's root and two files under a path that no host has."""
    buffer = io.BytesIO(sample.root())
    with tarfile.open(fileobj=buffer, mode="a") as tar:
        for name, text in (("config", b"from the image\n"), ("old", b"to be deleted\n"), ("same", b"untouched\n")):
            info = tarfile.TarInfo(f"ff-appdata/{name}")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text))
    site.podman("import", "--quiet", "-", "localhost/ff-appdata:1", stdin=buffer.getvalue())


@both_hosts
def test_files_that_were_modified_added_and_deleted_are_as_they_were(site, operator):
    image_with_files(site)
    change = "cd /ff-appdata; echo changed > config; chmod 600 config; echo new > added; rm old"
    operation = lifecycle.request_create(
        by=operator.by, host=operator.host, name="files", image="localhost/ff-appdata:1",
        command=["/bin/sh", "-c", f"{change}; {LOOP}"], publish=[], env=[],
    )  # fmt: skip
    container = operator.done(operation).container
    numbers(site, "files", at_least=2)
    checkpoint = operator.checkpoint(container)
    assert checkpoint.completed_paths == ["/ff-appdata/config"]
    operator.remove(container)
    operator.restore(checkpoint)
    read = "cd /ff-appdata && cat config added same && ls -l config && ls"
    lines = site.podman("exec", "files", "/bin/sh", "-c", read).splitlines()
    assert lines[:3] == ["changed", "new", "untouched"]
    assert lines[3].startswith("-rw-------")
    assert lines[4:] == ["added", "config", "same"]


@pytest.fixture
def full_store(site, tmp_path):
    """A worker whose store is a file system of 32 MB."""
    folder = tmp_path / "full"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(folder)], check=True)
    site.restart_worker(FREEZEFRAME_STORE_DIR=str(folder))
    yield folder
    site.restart_worker()
    subprocess.run(["umount", str(folder)], check=True)


def test_an_export_onto_a_full_disk_fails_and_the_workload_runs_on(site, operator, hog, full_store):
    before = site.logs("hog")
    foreseen = operator.ended(operator.request_checkpoint(hog))
    assert (foreseen.failure, foreseen.commands) == ("foreseen", [])
    operation = operator.ended(operator.request_checkpoint(hog, forced=True))
    assert operation.state == "failed"
    assert "No space left" in operation.summary and "brought back" in operation.summary
    assert site.state("hog") == "running" and fresh(hog).state == "running"
    after = numbers(site, "hog", at_least=len(before) + 3)
    assert [int(number) for number in after] == list(range(len(after)))
    assert not Checkpoint.objects.filter(container=hog).exists()
    assert [path for path in full_store.rglob("*") if path.is_file()] == []


@both_hosts
@pytest.mark.parametrize("phase", ["dumping memory", "archiving"])
def test_a_worker_killed_in_the_middle_of_a_checkpoint_loses_nothing(site, operator, hog, phase):
    archives = set(site.store.glob("*.tar.zst"))
    operation = operator.request_checkpoint(hog)

    def under_way():
        now = Operation.objects.get(pk=operation.pk)
        return now.commands and now.phase == phase

    wait_for(under_way, f"the checkpoint is {phase}")
    site.end("worker", with_signal=signal.SIGKILL)
    site.start_worker()
    ended = operator.ended(operation, seconds=60)
    assert ended.state == "failed", ended.summary
    assert "ended in the middle" in ended.summary
    assert site.state("hog") == "running" == fresh(hog).state
    assert set(site.store.glob("*.tar.zst")) == archives
    assert list((site.store / "incoming").iterdir()) == []
    before = site.logs("hog")
    after = numbers(site, "hog", at_least=len(before) + 2)
    assert [int(number) for number in after] == list(range(len(after)))

    checkpoint = operator.checkpoint(hog)
    assert checkpoint.archive_bytes > MEGABYTES * 1_000_000 // 2
    operator.restore(checkpoint)
    assert site.state("hog") == "running"


@pytest.fixture
def created(site, operator):
    """A container that Podman has created and nobody has started."""
    operator.sample_image()
    site.podman("create", "--name", "created", lifecycle.SAMPLE_IMAGE, "/bin/sh")
    find = Container.objects.filter(name="created", removed_at=None).first
    return wait_for(find, "the watcher sees the new container")


def test_a_container_that_does_not_run_is_not_even_asked_for(operator, created):
    with pytest.raises(Conflict, match="there is no process to dump"):
        operator.request_checkpoint(created)


@both_hosts
def test_forced_past_the_service_it_fails_with_a_plain_explanation(site, operator, created):
    options = {"name": "forced", "note": "", "tags": [], "flags": CheckpointOptions().as_json()}
    operation = operations.request(
        by=operator.by,
        kind="checkpoint",
        host=operator.host,
        container=fresh(created),
        sentence="forced",
        options=options,
    )
    operation = operator.ended(operation)
    assert (operation.state, operation.failure) == ("failed", "checkpoint-not-running")
    assert "no process to dump" in operation.cause and "Start" in operation.remedy
    assert site.state("created") == "created"


def test_a_damaged_archive_never_reaches_podman(site, operator):
    looper = operator.create("looper")
    checkpoint = operator.checkpoint(looper)
    operator.remove(looper)
    path = site.store / f"{checkpoint.archive_sha256}.tar.zst"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    operation = operator.ended(operator.request_restore(checkpoint))
    assert operation.state == "failed" and "damaged" in operation.summary
    assert operation.commands == [] and site.state("looper") == "gone"


@both_hosts
def test_a_failed_import_leaves_nothing_behind(site, operator):
    looper = operator.create("looper")
    checkpoint = operator.checkpoint(looper)
    operator.remove(looper)
    kept = KeptImage.objects.filter(image_id=checkpoint.image_id)
    wait_for(kept.exists, "its image is kept")
    kept.delete()
    site.podman("rmi", "--force", checkpoint.image_id)
    operation = operator.ended(operator.request_restore(checkpoint, name="copy"))
    assert operation.state == "failed" and "image" in operation.summary and operation.remedy
    assert site.state("copy") == "gone" and site.state("looper") == "gone"


def test_losing_redis_loses_nothing(site, operator):
    looper = operator.create("looper")
    numbers(site, "looper", at_least=2)
    site.end("redis", with_signal=signal.SIGKILL)
    operation = operator.request_checkpoint(looper)
    assert operation.state == "queued"
    site.start_redis()
    assert operator.ended(operation, seconds=90).state == "succeeded"


@both_hosts
def test_a_worker_killed_in_the_middle_of_a_restore_leaves_one_true_end(site, operator, hog):
    checkpoint = operator.checkpoint(hog)
    operation = operator.request_restore(checkpoint, name="hog-copy")

    def under_way():
        now = Operation.objects.get(pk=operation.pk)
        return now.commands and now.phase == "restoring"

    wait_for(under_way, "the restore is under way")
    site.end("worker", with_signal=signal.SIGKILL)
    site.start_worker()
    ended = operator.ended(operation, seconds=90)
    assert list((site.store / "incoming").iterdir()) == []
    if ended.state == "succeeded":
        copy = Container.objects.get(name="hog-copy", removed_at=None)
        assert site.state("hog-copy") == copy.state == "running" and copy.restored_from == checkpoint
    else:
        assert site.state("hog-copy") == "gone"
