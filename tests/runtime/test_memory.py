"""Memory in an archive: found in its own process at its own address, whatever the order of the members; compared page
by page; bounded in hits, in time and in what one hit shows."""

import io
import tarfile
from contextlib import contextmanager

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from containers_app.errors import ArchiveError, BadInput
from containers_app.runtime import memory
from tests.runtime.test_gleaning import pagemap
from tests.runtime.test_images import an_image, field

PAGE = 4096


def page(text=b"", at=0):
    return (b"\0" * at + text).ljust(PAGE, b"\0")[:PAGE]


def packed(members):
    """What opens a packed archive with these members below checkpoint/."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(f"checkpoint/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    content = zstandard.ZstdCompressor().compress(buffer.getvalue())

    @contextmanager
    def opened():
        yield io.BytesIO(content)

    return opened


def core(comm):
    return an_image("core", field(3, field(6, comm)))


PAGES = page(b"one") + page(b"two", PAGE - 3) + page(b" and three") + page(b"far")
MEMBERS = {
    "core-5.img": core(b"redis"), "pagemap-5.img": pagemap((0x1000, 3, 4), (0x9000, 1, 4)), "pages-7.img": PAGES,
}  # fmt: skip


def search(members, pattern, most=100, seconds=10, on_bytes=lambda count: None, **values):
    return memory.search(
        packed(members), memory.compiled(pattern, **values), most=most, seconds=seconds, on_bytes=on_bytes
    )


def places(found):
    return [(hit.pid, hit.name, hit.address, hit.member, hit.offset, hit.match) for hit in found.hits]


@pytest.mark.parametrize("order", [1, -1], ids=["maps first", "pages first"])
def test_a_hit_is_told_by_process_address_and_place_in_the_archive(order):
    members = dict(list(MEMBERS.items())[::order])
    found = search(members, "two and three")
    assert places(found) == [(5, "redis", "2ffd", "pages-7.img", 0x1FFD, "two and three")]
    assert found.whole and found.searched == len(PAGES) and found.unread == []
    assert search(members, "FAR", ignore_case=True).hits[0].address == "9000"
    assert search(members, "o[nm]e", regular=True).hits[0].address == "1000"


def test_what_lies_together_in_the_archive_and_not_in_memory_is_no_hit():
    members = {**MEMBERS, "pagemap-5.img": pagemap((0x1000, 2, 4), (0x7000, 1, 4), (0x9000, 1, 4))}
    assert search(members, "two and three").hits == [] and len(search(members, " and three").hits) == 1


def test_shared_memory_is_told_where_the_first_process_has_it():
    shared = field(1, 0x8000) + field(2, 0xA000) + field(3, 0x1000) + field(4, 44) + field(7, 1 << 8)
    members = {
        "core-3.img": core(b"writer"), "core-4.img": core(b"reader"),
        "mm-3.img": an_image("mm", field(14, shared)), "mm-4.img": an_image("mm", field(14, shared)),
        "pagemap-shmem-44.img": an_image("pagemap-shmem", field(1, 2), field(1, 0x1000) + field(4, 4) + field(5, 1)),
        "pages-2.img": page(b"secret", 16),
    }  # fmt: skip
    (hit,) = search(members, "secret").hits
    assert (hit.pid, hit.name, hit.address, hit.others) == (3, "writer", "8010", [4])


def test_pages_that_nobody_claims_are_named():
    found = search({**MEMBERS, "pages-9.img": page(b"two")}, "two")
    assert len(found.hits) == 1 and found.unread == ["pages-9.img"]


def test_it_ends_at_the_most_hits_and_at_its_time():
    found = search({**MEMBERS, "pages-7.img": b"a" * 4 * PAGE}, "a", most=7)
    assert len(found.hits) == 7 and not found.whole
    late = search(MEMBERS, "two", seconds=-1)
    assert late.hits == [] and not late.whole


def test_a_long_hit_is_cut_and_its_surroundings_are_bounded():
    members = {"pagemap-5.img": pagemap((0x1000, 300, 4)), "pages-7.img": b"x" * 300 * PAGE}
    hit = search(members, "x+", regular=True).hits[0]
    assert len(hit.match) == memory.LONGEST and len(hit.before) <= memory.AROUND >= len(hit.after)


def test_whoever_counts_the_bytes_may_end_it():
    def stop(count):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(MEMBERS, "two", on_bytes=stop)


@pytest.mark.parametrize("pattern", ["", "(a", "a*", "x" * 1001, "(?:)", "(a{1000}){1000}"])
def test_a_pattern_that_cannot_be_used_is_refused(pattern):
    with pytest.raises(BadInput) as caught:
        memory.compiled(pattern, regular=True)
    assert caught.value.field == "pattern"


def test_a_literal_pattern_is_taken_as_it_is():
    assert memory.compiled("a*").search(b"a*") and not memory.compiled("a*").search(b"aaa")
    assert memory.compiled("café").search("un café".encode())


def test_a_pattern_that_ruins_other_engines_ends():
    members = {"pagemap-5.img": pagemap((0x1000, 64, 4)), "pages-7.img": b"a" * 64 * PAGE}
    assert search(members, "(a|a)*(a|a)*(a+)+$b", regular=True).whole


@pytest.mark.parametrize(
    "members",
    [
        {**MEMBERS, "pages-7.img": PAGES[:5000]},
        {**MEMBERS, "pagemap-5.img": pagemap((0x1000, 2**40, 4))},
    ],
)
def test_an_archive_that_ends_too_early_is_refused(members):
    with pytest.raises(ArchiveError):
        search(members, "nothing")
    with pytest.raises(ArchiveError):
        memory.digests(packed(members), on_bytes=lambda count: None)


def test_what_is_no_archive_is_refused():
    with pytest.raises(ArchiveError):
        memory.search(
            lambda: io.BytesIO(b"nothing"), memory.compiled("a"), most=1, seconds=1, on_bytes=lambda count: None
        )


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=6),
    st.text("ab-", min_size=1, max_size=9).map(str.encode),
    st.integers(1000, 40_000),
)
def test_every_place_is_found_wherever_blocks_end(gaps, word, block):
    """Against a search of each run in one piece."""
    content = (word + b"-" * 3000) * 8
    content = content[: len(content) // PAGE * PAGE]
    rows, address = [], 0x1000
    for place in range(len(content) // PAGE):
        rows.append((address, 1, 4))
        address += PAGE * (1 + gaps[place % len(gaps)])
    members = {"pagemap-5.img": pagemap(*rows), "pages-7.img": content}
    expected, run, begin = [], b"", 0
    for place, (address, _, _) in enumerate(rows):
        run += content[place * PAGE : (place + 1) * PAGE]
        if place + 1 == len(rows) or rows[place + 1][0] != address + PAGE:
            start = run.find(word)
            while start >= 0:
                expected.append(begin + start)
                start = run.find(word, start + len(word))
            run, begin = b"", (place + 1) * PAGE
    before, memory.BLOCK = memory.BLOCK, block
    try:
        found = search(members, word.decode(), most=10**6)
    finally:
        memory.BLOCK = before
    assert [hit.offset for hit in found.hits] == expected


def compare(before, after):
    first = memory.digests(packed(before), on_bytes=lambda count: None)
    return memory.compare(packed(after), first, on_bytes=lambda count: None)


def test_pages_are_compared_by_process_and_address():
    before = {
        "pagemap-5.img": pagemap((0x1000, 3, 4), (0x9000, 1, 4)), "pages-7.img": PAGES,
        "pagemap-6.img": pagemap((0x1000, 1, 4), pages_id=8), "pages-8.img": page(b"gone"),
    }  # fmt: skip
    after = {
        "pagemap-5.img": pagemap((0x1000, 2, 4), (0x8000, 2, 4)),
        "pages-7.img": page(b"one") + page(b"other") + page(b"new") + page(b"far"),
    }
    assert compare(before, after) == [
        {"pid": 5, "same": 2, "changed": 1, "added": 1, "gone": 1},
        {"pid": 6, "same": 0, "changed": 0, "added": 0, "gone": 1},
    ]
    assert compare(MEMBERS, MEMBERS) == [{"pid": 5, "same": 4, "changed": 0, "added": 0, "gone": 0}]
