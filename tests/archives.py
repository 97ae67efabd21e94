"""Checkpoint archives for tests, as the product's own pass writes them; and a Podman that counts what reaches it."""

import io
import json
import random
import tarfile

from containers_app.runtime import archive

CONFIG = {"id": "c" * 64, "name": "looper", "rootfsImageID": "1" * 64, "rootfsImageName": "localhost/looper:1"}


def a_tar(members):
    """Tar bytes of {name: bytes}."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def members(seed=0, pages=20_000, config=None, spec=None):
    """What a small checkpoint holds; memory that does not compress away."""
    source = random.Random(seed)
    return {
        "config.dump": json.dumps(config or CONFIG, indent=2).encode(),
        "spec.dump": json.dumps(spec or {"mounts": []}, indent=2).encode(),
        "checkpoint/inventory.img": source.randbytes(60),
        "checkpoint/pages-1.img": source.randbytes(pages) + bytes(pages),
    }


def put(store, content, owner=1):
    """The ArchiveFacts of an archive of {name: bytes} that is in the store then."""
    with store.incoming(owner) as folder:
        recompressor = archive.Recompressor(folder / "draft", folder)
        recompressor.copy(io.BytesIO(a_tar(content)))
        facts = recompressor.finish(recompressor.complete(lambda path: []))
        store.put(folder / "draft", facts.sha256)
    return facts


class CountingPodman:
    """Stands where Podman is, knows nothing, and keeps what it was asked to restore or load."""

    tools_dir = ""

    def __init__(self, images=()):
        self.images, self.reached = set(images), []

    def inspect_one(self, container):
        return None

    def volume_names(self):
        return set()

    def image_id(self, image):
        return image if image in self.images else ""

    def restore_archive(self, archive, options, **values):
        self.reached.append(("restore", archive))

    def load_image(self, archive, **values):
        self.reached.append(("load", archive))

    def tag_image(self, image_id, name, **values):
        self.images.add(name)
