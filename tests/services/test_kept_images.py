"""The image travels: kept once, its digest compared before Podman has it, let go with the last checkpoint."""

import hashlib
import tarfile
from types import SimpleNamespace

import pytest

from containers_app.errors import ArchiveError, Conflict
from containers_app.models import AuditEvent, KeptImage, Operation
from containers_app.services import audit, kept_images, operations, outside, pulls
from tests import archives
from tests.builders import a_checkpoint, a_container, a_host, ago, an_image

pytestmark = pytest.mark.django_db

BY = audit.Caller()
CONFIG = b'{"architecture": "amd64"}'
IMAGE = hashlib.sha256(CONFIG).hexdigest()


class SavingPodman(archives.CountingPodman):
    """Saves one image, or something else under its name."""

    def __init__(self, content=CONFIG):
        super().__init__(images=[IMAGE])
        self.content = content

    def save_image(self, image_id, target, **values):
        self.reached.append(("save", image_id))
        target.write_bytes(archives.a_tar({f"{image_id}.json": self.content, "manifest.json": b"[]"}))

    def load_image(self, archive, **values):
        super().load_image(archive)
        with tarfile.open(archive) as tar:
            self.images.update(name.removesuffix(".json") for name in tar.getnames())

    def list_images(self):
        return []


@pytest.fixture
def store(settings, tmp_path):
    settings.STORE_DIR = tmp_path / "archives"
    return outside.store()


@pytest.fixture
def podman(monkeypatch):
    fake = SavingPodman()
    monkeypatch.setattr(outside, "podman", lambda: fake)
    monkeypatch.setattr(pulls, "observe_images", lambda host, podman: None)
    return fake


def of_image(store, **values):
    return a_checkpoint(image_id=IMAGE, image_name="localhost/looper:1", store=store.name, **values)


def keep(checkpoint):
    kept_images.ask_for(checkpoint)
    operation = Operation.objects.filter(kind="keep_image").latest("pk")
    kept_images.perform_keep_image(operations.claim(operation.pk))
    return KeptImage.objects.get(image_id=IMAGE)


def brought(store, podman, checkpoint):
    claim = SimpleNamespace(
        operation=SimpleNamespace(pk=99, host=checkpoint.host), phase=lambda name: None, command=None
    )  # fmt: skip
    with store.incoming(99) as folder:
        kept_images.bring(claim, podman, folder, image_id=checkpoint.image_id, name=checkpoint.image_name)


def test_an_image_is_kept_once_however_many_checkpoints_need_it(store, podman):
    checkpoint = of_image(store)
    kept = keep(checkpoint)
    assert store.images.path(kept.sha256).is_file()
    kept_images.ask_for(of_image(store))
    kept_images.ask_for_missing("local")
    assert Operation.objects.filter(kind="keep_image").count() == 1
    assert podman.reached == [("save", IMAGE)]
    assert AuditEvent.objects.filter(action="image.kept").exists()


def test_what_is_not_the_image_is_not_kept(store, podman):
    podman.content = b"another configuration"
    with pytest.raises(ArchiveError, match="not kept"):
        keep(of_image(store))
    assert not KeptImage.objects.exists() and not list(store.images.root.glob("*.zst"))


def test_an_image_that_is_gone_before_it_was_kept_says_so(store, podman):
    podman.images.clear()
    with pytest.raises(Conflict, match="gone from local before it could be kept"):
        keep(of_image(store))


def test_a_host_that_lacks_the_image_gets_it_with_its_name(store, podman):
    checkpoint = of_image(store)
    keep(checkpoint)
    podman.images.clear()
    brought(store, podman, checkpoint)
    assert podman.images >= {IMAGE, "localhost/looper:1"}


def test_a_name_that_another_image_has_stays_with_it(store, podman):
    checkpoint = of_image(store)
    keep(checkpoint)
    podman.images, tagged = {"localhost/looper:1"}, []
    podman.tag_image = lambda *arguments, **values: tagged.append(arguments)
    brought(store, podman, checkpoint)
    assert IMAGE in podman.images and not tagged


def test_a_damaged_kept_image_is_refused_before_podman_is_called(store, podman):
    checkpoint = of_image(store)
    path = store.images.path(keep(checkpoint).sha256)
    path.write_bytes(path.read_bytes()[:-1])
    podman.images.clear()
    with pytest.raises(ArchiveError):
        brought(store, podman, checkpoint)
    assert ("load",) not in [step[:1] for step in podman.reached]


def test_an_image_that_is_nowhere_says_so(store, podman):
    podman.images.clear()
    with pytest.raises(Conflict, match="localhost/looper:1 is nowhere"):
        brought(store, podman, of_image(store))


def test_it_is_let_go_with_the_last_checkpoint_that_needs_it(store, podman):
    first, second = of_image(store), of_image(store)
    kept = keep(first)
    type(first).objects.filter(pk=first.pk).update(discarded_at=ago(minutes=1))
    assert kept_images.release(BY, IMAGE) == 0
    type(first).objects.filter(pk=second.pk).update(discarded_at=ago(minutes=1))
    assert kept_images.release(BY, IMAGE) == kept.stored_bytes
    assert not KeptImage.objects.exists() and not store.images.path(kept.sha256).exists()
    assert AuditEvent.objects.filter(action="image.released").count() == 1


def test_images_of_checkpoints_from_before_are_asked_for_while_they_are_there(store, podman):
    host = a_host()
    an_image(host=host, image_id=IMAGE)
    container = a_container(host=host)
    of_image(store, container=container)
    a_checkpoint(container=container, image_id="9" * 64, store=store.name)
    kept_images.ask_for_missing("local")
    assert [row.options["image_id"] for row in Operation.objects.filter(kind="keep_image")] == [IMAGE]


def test_a_dead_agent_leaves_no_half_image(store, podman):
    kept_images.ask_for(of_image(store))
    claim = operations.claim(Operation.objects.get(kind="keep_image").pk)
    folder = store.incoming_folder(claim.operation.pk)
    folder.mkdir(parents=True)
    (folder / "image.tar").write_bytes(b"half")
    kept_images.settle_keep_image(claim)
    assert not folder.exists()
