"""CRIU's images: what a whole one says, and that a broken or hostile one is refused, whatever is in it."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from containers_app.errors import ArchiveError
from containers_app.runtime import images


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number, value):
    """One field in protobuf's wire format: an int, or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def an_image(kind, *messages):
    magic = images.IMAGES[kind][0]
    head = struct.pack("<I", magic) if kind == "inventory" else struct.pack("<II", images.COMMON_MAGIC, magic)
    return head + b"".join(struct.pack("<I", len(message)) + message for message in messages)


def test_the_messages_of_an_image_are_its_known_fields():
    one = field(1, 1) + field(2, 0) + field(5, 1) + field(5, 7) + field(99, b"of a later CRIU")
    assert images.read("pstree", an_image("pstree", one, field(1, 7))) == [
        {"pid": 1, "ppid": 0, "threads": [1, 7]},
        {"pid": 7, "threads": []},
    ]


def test_nested_messages_text_and_signed_numbers():
    content = an_image("files", field(1, 1) + field(3, field(6, b"/caf\xc3\xa9\xff") + field(7, 3)))
    assert images.read("files", content) == [{"type": 1, "reg": {"name": "/café\ufffd", "mnt_id": -2}}]


def test_packed_numbers_are_read_as_single_ones_are():
    assert images.read("pstree", an_image("pstree", field(5, b"\x01\x96\x01")))[0]["threads"] == [1, 150]


def test_the_first_message_of_a_pagemap_is_its_head():
    entries = images.read("pagemap", an_image("pagemap", field(1, 4), field(1, 4096) + field(5, 2)))
    assert entries == [{"pages_id": 4}, {"vaddr": 4096, "nr_pages": 2}]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("core-12.img", "core"),
        ("tcp-stream-1f3a.img", "tcp-stream"),
        ("inventory.img", "inventory"),
        ("pages-1.img", None),
        ("core-1.txt", None),
        ("-.img", None),
    ],
)
def test_a_name_tells_the_kind(name, kind):
    assert images.kind_of(name) == kind


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 8,
        an_image("mm"),
        an_image("pstree") + b"\1",
        an_image("pstree") + b"\xff\xff\xff\xff",
        an_image("pstree", b"\x08"),
        an_image("pstree", b"\x0b\x0c"),
        an_image("pstree", b"\xff" * 12),
        an_image("pstree", field(1, b"no number")),
        an_image("pstree", b"\x0a\xff\xff\xff\xff\x0f"),
    ],
)
def test_what_is_no_image_is_refused(content):
    with pytest.raises(ArchiveError, match="CRIU image pstree"):
        images.read("pstree", content)


def test_too_many_messages_are_refused(monkeypatch):
    monkeypatch.setattr(images, "MOST_ENTRIES", 3)
    with pytest.raises(ArchiveError, match="more than 3 entries"):
        images.read("pstree", an_image("pstree", *[b""] * 4))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(images.IMAGES)), st.binary(max_size=400))
def test_whatever_the_bytes_are_the_answer_is_entries_or_a_refusal(kind, noise):
    try:
        entries = images.read(kind, an_image(kind) + struct.pack("<I", len(noise)) + noise)
    except ArchiveError:
        return
    assert all(isinstance(entry, dict) for entry in entries)
