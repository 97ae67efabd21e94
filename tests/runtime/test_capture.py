"""A checkpoint on its way into a draft: here a Podman that writes what it is given; the real one is in tests/live."""

import io
import subprocess
import tarfile
from dataclasses import dataclass, field

import pytest
import zstandard

from containers_app.errors import ArchiveError
from containers_app.runtime import capture
from containers_app.runtime.types import CheckpointOptions

PARENT = ("checkpoint/parent", "../pre-checkpoint")


def a_tar(*names, link=()):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(name)
            tar.addfile(info, io.BytesIO(name.encode()))
        if link:
            info = tarfile.TarInfo(link[0])
            info.type, info.linkname = tarfile.SYMTYPE, link[1]
            tar.addfile(info)
    return buffer.getvalue()


@dataclass
class Writer:
    """Stands where Podman does on a kernel that tracks changed memory: it exports these two archives."""

    before: bytes
    after: bytes
    asked: list = field(default_factory=list)

    def pre_checkpoint(self, container, options, *, export, timeout, on_start):
        self.asked.append(options)
        export.write_bytes(self.before)

    def start_checkpoint(self, container, options, *, export, **streams):
        self.asked.append(options)
        source = export.parent / "after.tar"
        source.write_bytes(self.after)
        return ["podman"], subprocess.Popen(["cp", str(source), str(export)], **streams)


def captured(writer, folder):
    phases = []
    done = capture.capture(
        writer, "looper", CheckpointOptions(pre_checkpoint=True, ignore_rootfs=True), folder, patience=10,
        on_start=lambda argv, pid: None, on_bytes=lambda count: None, on_phase=phases.append,
    )  # fmt: skip
    return done, phases


def test_what_was_dumped_beforehand_is_in_the_one_archive_where_criu_looks_for_it(tmp_path):
    before = a_tar("config.dump", "ctr.log", "pre-checkpoint/pages-1.img", "pre-checkpoint/inventory.img")
    writer = Writer(before, a_tar("config.dump", "checkpoint/inventory.img", "checkpoint/pages-1.img", link=PARENT))
    done, phases = captured(writer, tmp_path)
    assert phases == ["dumping memory beforehand", "dumping memory"]
    first, second = writer.asked
    assert first.pre_checkpoint and second.with_previous and not second.pre_checkpoint
    unpacked = zstandard.ZstdDecompressor().decompressobj().decompress(done.draft.read_bytes())
    with tarfile.open(fileobj=io.BytesIO(unpacked)) as tar:
        assert tar.getnames() == [member.name for member in done.facts.members] == [
            "config.dump", "checkpoint/inventory.img", "checkpoint/pages-1.img", "checkpoint/parent",
            "pre-checkpoint/pages-1.img", "pre-checkpoint/inventory.img",
        ]  # fmt: skip
        assert tar.getmember("checkpoint/parent").linkname == "../pre-checkpoint"
        assert tar.extractfile("pre-checkpoint/pages-1.img").read() == b"pre-checkpoint/pages-1.img"
    assert not (tmp_path / "before.tar").exists()


def test_a_dump_beforehand_that_is_no_archive_makes_no_draft(tmp_path):
    with pytest.raises(ArchiveError, match="beforehand"):
        captured(Writer(b"hello", a_tar("config.dump", "checkpoint/inventory.img")), tmp_path)
