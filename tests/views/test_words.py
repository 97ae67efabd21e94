"""How facts are written: times, sizes, durations, commands, images."""

from datetime import timedelta

import pytest
from django.utils import timezone

from containers_app.templatetags import freezeframe


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (29_700, "29 KiB"),
        (2**20, "1.0 MiB"),
        (314_573, "307 KiB"),
        (148 * 2**20, "148 MiB"),
        (1023 * 2**20, "1,023 MiB"),
        (int(1.12 * 2**30), "1.12 GiB"),
        (250 * 2**30, "250 GiB"),
        (None, "0 B"),
    ],
)
def test_a_size(count, text):
    assert freezeframe.size(count) == text


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (912, "0.9 ms"),
        (4_120, "4 ms"),
        (72_310, "72 ms"),
        (331_000, "0.33 s"),
        (1_860_000, "1.86 s"),
        (14_040_000, "14.0 s"),
        (200_000_000, "3 min"),
        (0, "0 ms"),
        (None, "0 ms"),
    ],
)
def test_a_duration(microseconds, text):
    assert freezeframe.microseconds(microseconds) == text


@pytest.mark.parametrize(
    ("passed", "ago", "span"),
    [
        (dict(seconds=2), "2 s ago", "2 s"),
        (dict(minutes=6), "6 min ago", "6 min"),
        (dict(hours=3, minutes=12), "3 h ago", "3 h 12 min"),
        (dict(hours=2), "2 h ago", "2 h"),
        (dict(hours=30), "yesterday", "1 d 6 h"),
        (dict(days=2, hours=4), "2 d ago", "2 d 4 h"),
        (dict(days=3), "3 d ago", "3 d"),
    ],
)
def test_a_moment_of_the_past(passed, ago, span):
    moment = timezone.now() - timedelta(**passed)
    assert freezeframe.ago(moment) == ago
    assert f">{span}</time>" in freezeframe.since(moment)


def test_a_time_carries_the_exact_utc():
    moment = timezone.datetime(2026, 11, 23, 16, 0, 5, tzinfo=timezone.get_default_timezone())
    written = freezeframe.clock(moment)
    assert 'datetime="2026-11-23T16:00:05+00:00"' in written and 'title="2026-11-23 16:00:05 UTC"' in written
    assert ">16:00:05</time>" in written


def test_a_moment_of_the_future_is_now():
    assert freezeframe.ago(timezone.now() + timedelta(minutes=1)) == "0 s ago"


@pytest.mark.parametrize(
    ("name", "title", "origin"),
    [
        ("docker.io/library/redis:7", "redis 7", "docker.io/library"),
        ("localhost/x:latest", "x", "localhost"),
        ("busybox", "busybox", ""),
        ("registry.example:5000/team/a@sha256:0123", "a", "registry.example:5000/team"),
        ("", "no name", ""),
    ],
)
def test_an_image(name, title, origin):
    assert freezeframe.image_title(name) == title
    assert freezeframe.image_origin(name.partition("@")[0]) == origin


def test_a_command_can_be_typed_again():
    assert freezeframe.command(["podman", "run", "a b", "it's"]) == "podman run 'a b' 'it'\"'\"'s'"
    assert "s3cret" not in freezeframe.command(["podman", "create", "--env=TOKEN=s3cret\nmore"])


def test_a_block_of_a_command_breaks_between_arguments_only():
    block = freezeframe.cmd(["podman", "--export", "a b", "<x>"])
    assert (
        "<span>podman</span> <span>--export</span> <span>&#x27;a b&#x27;</span> <span>&#x27;&lt;x&gt;&#x27;</span>"
        in block
    )
