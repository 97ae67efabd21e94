"""The pass over an archive, climbing the ladder: not a tar, cut short, member missing, damaged, good."""

import hashlib
import io
import tarfile

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from containers_app.errors import ArchiveError
from containers_app.runtime import archive


def a_tar(members):
    """Tar bytes of {name: bytes}."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


GOOD = {"config.dump": b"{}", "checkpoint/inventory.img": b"inventory", "checkpoint/pages-1.img": b"m" * 10_000}


def recompress(tmp_path, tar, add_missing=lambda path: []):
    draft = tmp_path / "draft.tar.zst"
    recompressor = archive.Recompressor(draft, tmp_path)
    recompressor.copy(io.BytesIO(tar))
    return draft, recompressor.finish(recompressor.complete(add_missing))


def names_in(draft):
    with zstandard.open(draft, "rb") as plain, tarfile.open(fileobj=plain, mode="r|") as tar:
        return tar.getnames()


def test_what_is_not_a_tar_is_refused(tmp_path):
    with pytest.raises(ArchiveError, match="not a whole tar"):
        recompress(tmp_path, b"certainly not a tar" * 100)


def test_nothing_at_all_is_refused(tmp_path):
    with pytest.raises(ArchiveError):
        recompress(tmp_path, b"")


def test_an_export_that_is_cut_short_is_refused(tmp_path):
    with pytest.raises(ArchiveError):
        recompress(tmp_path, a_tar(GOOD)[:5000])


@pytest.mark.parametrize("missing", ["config.dump", "checkpoint/inventory.img"])
def test_an_export_without_what_podman_needs_is_refused(tmp_path, missing):
    with pytest.raises(ArchiveError, match=missing):
        recompress(tmp_path, a_tar({name: data for name, data in GOOD.items() if name != missing}))


def test_the_copy_holds_every_member_and_its_digest_is_that_of_the_file(tmp_path):
    draft, facts = recompress(tmp_path, a_tar(GOOD))
    assert names_in(draft) == list(GOOD)
    assert facts.sha256 == hashlib.sha256(draft.read_bytes()).hexdigest()
    assert facts.archive_bytes == draft.stat().st_size
    assert facts.unpacked_bytes == sum(map(len, GOOD.values()))
    assert [member.sha256 for member in facts.members] == [hashlib.sha256(data).hexdigest() for data in GOOD.values()]


def test_small_members_are_kept_and_memory_is_not(tmp_path):
    _, facts = recompress(tmp_path, a_tar(GOOD))
    assert facts.small == {"config.dump": b"{}", "checkpoint/inventory.img": b"inventory"}


def test_the_rootfs_diff_comes_last_with_what_was_added_to_it(tmp_path):
    tar = a_tar({"rootfs-diff.tar": a_tar({"kept": b"1"}), **GOOD})

    def add(path):
        with archive.appending(path) as inner:
            info = tarfile.TarInfo("added")
            info.size = 3
            inner.addfile(info, io.BytesIO(b"abc"))
        return ["/added"]

    draft, facts = recompress(tmp_path, tar, add)
    assert names_in(draft)[-1] == "rootfs-diff.tar"
    with zstandard.open(draft, "rb") as plain, tarfile.open(fileobj=io.BytesIO(plain.read())) as outer:
        inner = tarfile.TarFile(fileobj=outer.extractfile("rootfs-diff.tar"))
        assert inner.getnames() == ["kept", "added"]
        assert inner.extractfile("added").read() == b"abc"
    assert facts.completed_paths == ["/added"]


def test_a_container_that_changed_nothing_gets_no_rootfs_diff(tmp_path):
    draft, _ = recompress(tmp_path, a_tar(GOOD))
    assert "rootfs-diff.tar" not in names_in(draft)


def test_unpacking_gives_back_the_tar(tmp_path):
    draft, facts = recompress(tmp_path, a_tar(GOOD))
    target = tmp_path / "plain.tar"
    with open(draft, "rb") as packed:
        archive.unpack(packed, target, sha256=facts.sha256)
    with tarfile.open(target) as tar:
        assert {name: tar.extractfile(name).read() for name in tar.getnames()} == GOOD
    assert target.stat().st_mode & 0o777 == 0o600


@settings(max_examples=60, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_one_flipped_bit_anywhere_is_refused(tmp_path_factory, place, bit):
    folder = tmp_path_factory.mktemp("flip")
    draft, facts = recompress(folder, a_tar(GOOD))
    data = bytearray(draft.read_bytes())
    data[int(place * len(data))] ^= 1 << bit
    with pytest.raises(ArchiveError, match="damaged"):
        archive.unpack(io.BytesIO(bytes(data)), folder / "plain.tar", sha256=facts.sha256)


@settings(max_examples=30, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True))
def test_a_shortened_or_lengthened_archive_is_refused(tmp_path_factory, place):
    folder = tmp_path_factory.mktemp("cut")
    draft, facts = recompress(folder, a_tar(GOOD))
    data = draft.read_bytes()
    for number, changed in enumerate((data[: int(place * len(data))], data + b"x")):
        with pytest.raises(ArchiveError, match="damaged"):
            archive.unpack(io.BytesIO(changed), folder / f"plain-{number}.tar", sha256=facts.sha256)
