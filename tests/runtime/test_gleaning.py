"""What is kept of an archive that goes by: small members, slices of memory, the list of changed files."""

import gzip
import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from containers_app.runtime import gleaning, pagemaps
from tests.runtime.test_images import an_image, field

START = 0x7FFC00000000
COMMAND, VARIABLES = b"redis-server\0--save\0\0", b"HOME=/root\0TOKEN=s3cret\0"


def mm(arguments=COMMAND, environment=VARIABLES, start=START + 100):
    middle = start + len(arguments)
    return an_image("mm", field(8, start) + field(9, middle) + field(10, middle) + field(11, middle + len(environment)))


def pagemap(*rows, pages_id=7):
    """Rows are (address, pages, flags)."""
    entries = [field(1, address) + field(4, flags) + field(5, pages) for address, pages, flags in rows]
    return an_image("pagemap", field(1, pages_id), *entries)


ROWS = (0x1000, 1, 4), (0x9000, 1, 1), (START, 2, 4)  # the second is in an earlier dump
PAGES = b"\0" * 4096 + (b"\0" * 100 + COMMAND + VARIABLES).ljust(8192, b"\0")
MEMBERS = {
    "checkpoint/mm-5.img": mm(), "checkpoint/pagemap-5.img": pagemap(*ROWS), "checkpoint/pages-7.img": PAGES,
}  # fmt: skip


def glean(members, block=1000):
    gleaner = gleaning.Gleaner()
    for name, content in members.items():
        sink = gleaner.sink(name, len(content))
        for place in range(0, len(content) if sink else 0, block):
            sink.write(content[place : place + block])
        if sink:
            sink.close()
    return gleaner


@pytest.mark.parametrize("block", [1, 1000, 4096, 100_000])
def test_command_line_and_environment_are_cut_out_of_the_memory_that_goes_by(block):
    memory = glean(MEMBERS, block).memory
    assert memory == {5: gleaning.Memory(COMMAND, VARIABLES)}


def test_pages_that_come_before_their_map_are_not_looked_at():
    gleaner = glean(dict(reversed(MEMBERS.items())))
    assert gleaner.memory == {} and "checkpoint/mm-5.img" in gleaner.kept


@pytest.mark.parametrize(
    "changed",
    [
        {"checkpoint/pagemap-5.img": pagemap((0x1000, 1, 4))},
        {"checkpoint/pages-7.img": PAGES[:4200]},
        {"checkpoint/mm-5.img": mm(start=2**63)},
        {"checkpoint/mm-5.img": an_image("mm")},
    ],
)
def test_what_is_not_in_the_dump_is_missing_and_nothing_else(changed):
    gleaner = glean({**MEMBERS, **changed})
    assert all(memory == gleaning.Memory() for memory in gleaner.memory.values())


def test_a_long_command_line_is_cut_and_all_of_them_together_are_bounded(monkeypatch):
    monkeypatch.setattr(gleaning, "ARGUMENTS_LIMIT", 5)
    monkeypatch.setattr(gleaning, "MEMORY_LIMIT", 7)
    gleaner = gleaning.Gleaner(_memory_left=7)
    for name, content in MEMBERS.items():
        sink = gleaner.sink(name, len(content))
        sink.write(content)
        sink.close()
    assert gleaner.memory[5] == gleaning.Memory(COMMAND[:5], VARIABLES[:2])


def test_large_members_and_strangers_are_passed_on():
    gleaner = gleaning.Gleaner()
    assert gleaner.sink("config.dump", gleaning.SMALL_LIMIT + 1) is None
    assert gleaner.sink("checkpoint/tmpfs-dev-3.tar.gz.img", 10) is None and gleaner.sink("pages-1.img", 10) is None
    gleaner._images_left = 10
    assert gleaner.sink("checkpoint/core-1.img", 11) is None and gleaner.sink("checkpoint/core-1.img", 10)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(MEMBERS)), st.binary(max_size=100), st.integers(0, 60))
def test_damage_is_never_a_crash(name, noise, place):
    glean({**MEMBERS, name: MEMBERS[name][:place] + noise})


def a_tar(members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, size in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.type = size, tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            tar.addfile(info, io.BytesIO(b"x" * size))
    return buffer.getvalue()


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_changed_files_are_listed_with_their_sizes(tmp_path, pack, monkeypatch):
    monkeypatch.setattr(gleaning, "CHANGES_MOST", 3)
    path = tmp_path / "diff.tar"
    path.write_bytes(pack(a_tar({"etc/": 0, "./etc/.hidden": 12, "data": 5000, "more": 1})))
    assert gleaning.list_changes(path) == {
        "files": [
            {"path": "/etc", "size": 0, "kind": "folder"}, {"path": "/etc/.hidden", "size": 12, "kind": "file"},
            {"path": "/data", "size": 5000, "kind": "file"},
        ],
        "count": 4, "bytes": 5013, "whole": True,
    }  # fmt: skip


def hostile_header():
    """A PAX header that says it has a TiB."""
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, 2**40
    return info.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\1" * 600,
        hostile_header() + b"\0" * 512,
        gzip.compress(b"x" * 5000, mtime=0)[:50],
        a_tar({"a": 900})[:700],
    ],
)
def test_a_damaged_list_is_what_could_be_read(tmp_path, content):
    path = tmp_path / "diff.tar"
    path.write_bytes(content)
    found = gleaning.list_changes(path)
    assert found["count"] <= 1 and not found["whole"]


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(gleaning, "UNPACKED_MOST", 10_000)
    path = tmp_path / "diff.tar"
    path.write_bytes(gzip.compress(a_tar({"bomb": 100_000, "more": 1})))
    assert not gleaning.list_changes(path)["whole"]


def test_neighbouring_rows_are_one_run_and_an_address_has_its_offset():
    runs = pagemaps.runs(pagemap((0x1000, 2, 4), (0x3000, 1, 4), (0x9000, 1, 4)))
    assert runs == [pagemaps.Run(0x1000, 0x3000, 0), pagemaps.Run(0x9000, 0x1000, 0x3000)]
    assert pagemaps.offset_of(runs, 0x3800, 0x800) == 0x2800 and pagemaps.offset_of(runs, 0x3800, 0x801) is None
    assert pagemaps.bytes_between(runs, 0x2000, 0x9800) == 0x2000 + 0x800
