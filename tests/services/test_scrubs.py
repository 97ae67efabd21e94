"""Damage is found before it is needed: by every reading, whichever bit it was, and told once."""

import random
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone

from containers_app.errors import ArchiveError, Conflict, StoreError
from containers_app.models import AuditEvent, Checkpoint, Operation, Schedule
from containers_app.runtime.types import RestoreOptions
from containers_app.services import audit, operations, outside, policies, restores, scrubs, secrets
from tests import archives
from tests.builders import a_checkpoint, a_host, ago, an_admin, an_operation
from tests.relay import relay

pytestmark = pytest.mark.django_db

BY = audit.Caller()
FLIPS, ARCHIVES = 1000, 10


@pytest.fixture
def store(settings, tmp_path):
    settings.STORE_DIR = tmp_path / "archives"
    return outside.store()


def stored(store, seed=0, **values):
    facts = archives.put(store, archives.members(seed))
    return a_checkpoint(
        archive_sha256=facts.sha256, archive_bytes=facts.archive_bytes, unpacked_bytes=facts.unpacked_bytes,
        store=store.name, **values,
    )  # fmt: skip


def claimed(checkpoint):
    """What a restore is done with, and nothing else: it keeps no row."""
    operation = an_operation(kind="restore", container=None, checkpoint=checkpoint, host=checkpoint.host)
    quiet = lambda *arguments, **values: None  # noqa: E731
    return SimpleNamespace(
        operation=operation, phase=quiet, note=quiet, expect=quiet, progress=quiet, command=quiet
    )  # fmt: skip


def scrub(checkpoint=None, host=None):
    host = host or checkpoint.host
    operation = scrubs.request_scrub(by=BY, host=host, checkpoint=checkpoint)
    scrubs.perform_scrub(operations.claim(operation.pk))
    return Operation.objects.get(pk=operation.pk)


def actions():
    return list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))


def flipped(content, random_bits):
    bit = random_bits.randrange(len(content) * 8)
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def refused(claim, podman, checkpoint):
    Checkpoint.objects.filter(pk=checkpoint.pk).update(flaw="")
    with pytest.raises(ArchiveError):
        restores._restore_archive(claim, podman, RestoreOptions(name="copy"))
    checkpoint.refresh_from_db(fields=["flaw"])
    return checkpoint.flaw == "damaged"


def test_a_thousand_flipped_bits_are_each_refused_before_podman_is_called_and_found_by_the_scrub(store):
    bits, podman, seen, found = random.Random(6), archives.CountingPodman(), 0, 0
    for number in range(ARCHIVES):
        checkpoint = stored(store, seed=number)
        path, claim = store.path(checkpoint.archive_sha256), claimed(checkpoint)
        good = path.read_bytes()
        for _ in range(FLIPS // ARCHIVES):
            path.write_bytes(flipped(good, bits))
            seen += refused(claim, podman, checkpoint)
            checkpoint.flaw = ""
            found += scrubs.read_again(by=BY, checkpoint=checkpoint) == "damaged"
        path.write_bytes(good)
    assert (seen, found, podman.reached) == (FLIPS, FLIPS, [])


def test_every_truncated_archive_is_refused_before_podman_is_called_and_found_by_the_scrub(store):
    checkpoint, podman = stored(store), archives.CountingPodman()
    path, claim = store.path(checkpoint.archive_sha256), claimed(checkpoint)
    good = path.read_bytes()
    lengths = [*range(0, len(good), len(good) // 100), len(good) - 1]
    for length in lengths:
        path.write_bytes(good[:length])
        assert refused(claim, podman, checkpoint)
        checkpoint.flaw = ""
        assert scrubs.read_again(by=BY, checkpoint=checkpoint) == "damaged"
    path.write_bytes(good + b"\0")
    assert refused(claim, podman, checkpoint)
    assert podman.reached == []


def test_a_whole_archive_reaches_podman(store):
    checkpoint = stored(store)
    podman = archives.CountingPodman(images=[checkpoint.image_id, checkpoint.image_name])
    restores._restore_archive(claimed(checkpoint), podman, RestoreOptions(name="copy"))
    assert [what for what, _ in podman.reached] == ["restore"]


def test_a_scrub_tells_what_is_whole_what_is_damaged_and_what_is_missing(store):
    good, bad, gone = (stored(store, seed=number, name=name) for number, name in enumerate(["good", "bad", "gone"]))
    path = store.path(bad.archive_sha256)
    path.write_bytes(flipped(path.read_bytes(), random.Random(1)))
    store.delete(gone.archive_sha256)
    operation = scrub(host=good.host)
    assert operation.summary == "1 whole; damaged: bad; missing: gone."
    assert operation.state == "succeeded"
    flaws = {row.name: row.flaw for row in Checkpoint.objects.all()}
    assert flaws == {"good": "", "bad": "damaged", "gone": "missing"}
    assert {"archive.damaged", "archive.missing", "archive.flawed"} <= set(actions())
    assert Checkpoint.objects.get(name="good").read_at and not Checkpoint.objects.get(name="bad").read_at
    assert Checkpoint.objects.get(name="bad").flaw_at


def test_a_flaw_is_told_once_and_goes_when_the_archive_is_whole_again(store):
    checkpoint = stored(store)
    path = store.path(checkpoint.archive_sha256)
    good = path.read_bytes()
    path.write_bytes(good[:-1])
    scrub(checkpoint)
    scrub(checkpoint)
    assert actions().count("archive.damaged") == 1
    path.write_bytes(good)
    scrub(checkpoint)
    checkpoint.refresh_from_db()
    assert (checkpoint.flaw, checkpoint.flaw_detail, checkpoint.flaw_at) == ("", "", None)
    assert actions().count("archive.verified") == 2  # that it is whole again, and the scrub itself


def test_a_checkpoint_with_a_flaw_is_neither_restored_nor_downloaded_and_says_why(store):
    checkpoint = stored(store, flaw="damaged", flaw_at=ago(hours=1), flaw_detail="its SHA-256 is not the recorded one")
    with pytest.raises(Conflict, match=r"is damaged, found on .* SHA-256"):
        restores.request_restore(by=BY, checkpoint=checkpoint, name="copy", options=RestoreOptions())
    with pytest.raises(Conflict, match="is damaged"):
        secrets.open_archive(by=audit.Caller(user=an_admin()), checkpoint=checkpoint)
    assert not Operation.objects.filter(kind="restore").exists()


def test_what_stands_still_goes_on_in_place_though_its_archive_is_damaged(store):
    taken = ago(minutes=1)
    checkpoint = a_checkpoint(dumped_at=taken, flaw="damaged", flaw_at=ago(hours=1))
    container = checkpoint.container
    container.state, container.checkpointed_at = "exited", taken
    container.save()
    restores.request_restore(by=BY, checkpoint=checkpoint, name="", options=RestoreOptions())
    assert Operation.objects.get(kind="restore").container == container


def test_a_download_that_meets_damage_flags_it(store, monkeypatch):
    relay(monkeypatch)
    checkpoint = stored(store)
    store.path(checkpoint.archive_sha256).write_bytes(b"not it")
    with pytest.raises(ArchiveError):
        secrets.open_archive(by=audit.Caller(user=an_admin()), checkpoint=checkpoint)
    assert Checkpoint.objects.get().flaw == "damaged"
    store.delete(checkpoint.archive_sha256)
    with pytest.raises(StoreError):
        secrets.open_archive(by=audit.Caller(user=an_admin()), checkpoint=checkpoint)
    assert Checkpoint.objects.get().flaw == "missing"


@pytest.mark.parametrize(
    ("taken", "read", "asked"),
    [(ago(days=8), None, 1), (ago(days=8), ago(days=1), 0), (ago(days=1), None, 0)],
)
def test_what_was_not_read_for_longer_than_the_schedule_says_is_due(store, taken, read, asked):
    host = a_host()
    stored(store, taken_at=taken, read_at=read)
    for _ in range(2):
        scrubs.ask_when_due(host.name)
    assert Operation.objects.filter(kind="scrub").count() == asked


def test_a_schedule_that_is_off_asks_for_nothing(store):
    stored(store, taken_at=ago(days=80))
    Schedule.objects.create(work="scrub", enabled=False, every_hours=1)
    scrubs.ask_when_due("local")
    assert not Operation.objects.filter(kind="scrub").exists()


def test_only_what_is_due_is_read(store):
    stored(store, seed=1, name="old", taken_at=ago(days=80))
    stored(store, seed=2, name="new")
    scrubs.ask_when_due("local")
    scrubs.perform_scrub(operations.claim(Operation.objects.get(kind="scrub").pk))
    assert Checkpoint.objects.get(name="old").read_at and not Checkpoint.objects.get(name="new").read_at


def test_reading_is_as_gentle_as_the_schedule_says(monkeypatch):
    slept = []
    monkeypatch.setattr(scrubs.time, "sleep", slept.append)
    policies.change(by=BY, work="scrub", enabled=True, every_hours=1, values={"mib_per_second": 1})
    gentle = scrubs._Gentle(SimpleNamespace(progress=lambda count: None))
    for _ in range(3):
        gentle(scrubs.MIB)
    assert sum(slept) == pytest.approx(1 + 2 + 3, abs=0.3)


def test_a_scrub_leaves_to_the_next_what_takes_too_long(store, monkeypatch):
    for number in range(3):
        stored(store, seed=number)
    monkeypatch.setattr(scrubs, "LIMIT", -1)
    assert scrub(host=a_host()).summary == "0 whole; 3 are left for the next time."


def test_a_changed_schedule_is_in_the_history_with_what_was_and_is():
    values = {"scope": "all", "cold": True}
    policies.change(by=BY, work="drill", enabled=True, every_hours=24, values=values)
    policies.change(by=BY, work="drill", enabled=True, every_hours=24, values=values)
    event = AuditEvent.objects.get(action="policy.changed")
    assert event.before == {"enabled": False, "every_hours": 168, "scope": "newest", "cold": False}
    assert event.after == {"enabled": True, "every_hours": 24, "scope": "all", "cold": True}
    assert timezone.now() - event.at < timedelta(minutes=1)
