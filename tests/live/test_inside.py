"""What is inside real checkpoints: as others see it; a word found in a gigabyte of memory; two of them page by page."""

import hashlib
import tarfile
import time

import pytest

from containers_app import differences
from containers_app.models import AuditEvent, Checkpoint, Container, Inspection, MemoryComparison, Operation
from containers_app.runtime.process import resident_bytes
from containers_app.services import memory, operations
from containers_app.views.inside import PARTS
from tests.live import images, oracle
from tests.live.conftest import fresh
from tests.live.site import wait_for

pytestmark = pytest.mark.live

MILLION = 1_000_000
MIB = 1024 * 1024
NEEDLE = "needle-" + hashlib.md5(b"planted").hexdigest()
# What sleeps goes when it is told to, and a client comes.
SERVED = """redis-server --save '' --enable-debug-command local & sleep 10000 & sleeper=$!
while [ ! -e /tmp/go ]; do sleep 0.1; done
kill $sleeper; redis-cli subscribe news & wait"""
FIVE_PERCENT = "for i = 0, {}, 20 do redis.call('setrange', 'key:' .. i, 8, 'changed') end"


def test_a_looper_and_a_privileged_container_are_seen_as_others_see_them(site, operator, tmp_path):
    looper = operator.create("looper")
    mighty = operator.create("mighty", privileged=True, volume=[f"{tmp_path}:/host:ro"], env=["TOKEN=s3cret"])
    for container in (looper, mighty):
        assert oracle.assert_same(site, operator.checkpoint(container)) > 300
    seen = Inspection.objects.get(checkpoint__container=mighty).facts
    assert "sys_admin" in seen["configuration"]["capabilities"]["bounding"] and "s3cret" not in str(seen)


@pytest.fixture
def pair(site, operator):
    """Two checkpoints of a Redis of a gigabyte with a needle, between which 5 % of the keys changed. Taken once."""
    found = list(Checkpoint.objects.filter(container_name="large").order_by("pk"))
    if found:
        return found
    command = ["/bin/sh", "-c", SERVED]
    site.podman("run", "--detach", "--name", "large", *site.limits, images.build(site, "redis"), *command)
    large = wait_for(Container.objects.filter(name="large", removed_at=None, state="running").first, "Redis runs")
    redis = lambda *words: site.podman("exec", "large", "redis-cli", *words, check=False).strip()  # noqa: E731
    wait_for(lambda: redis("ping") == "PONG", "Redis answers")
    redis("debug", "populate", str(MILLION), "key", "900")
    assert redis("set", "planted", NEEDLE) == "OK"
    first = operator.checkpoint(large, mode="keep_running")
    assert redis("eval", FIVE_PERCENT.format(MILLION - 1), "0") == ""
    site.podman("exec", "large", "touch", "/tmp/go")
    wait_for(lambda: "news" in redis("pubsub", "channels"), "a client listens")
    return [first, operator.checkpoint(fresh(large), tcp_established=True)]


def test_the_pages_of_a_gigabyte_need_no_archive(site, operator, pair, client, record_property):
    checkpoint = pair[0]
    archive = site.store / f"{checkpoint.archive_sha256}.tar.zst"
    away = archive.rename(archive.with_suffix(".away"))
    try:
        client.force_login(operator.by.user)
        for part in PARTS:
            begun = time.perf_counter()
            assert client.get(f"/catalog/{checkpoint.pk}/inside/{part}/").status_code == 200
            record_property(f"{part}_ms", round((time.perf_counter() - begun) * 1000))
    finally:
        away.rename(archive)


def test_a_word_is_found_in_a_gigabyte_of_memory(site, operator, pair):
    checkpoint = pair[0]
    assert checkpoint.unpacked_bytes > 900 * MIB
    worker, most = site.processes["worker"].pid, 0
    before = resident_bytes(worker)
    operation = memory.request_search(by=operator.by, checkpoint=checkpoint, pattern=NEEDLE)
    while not Operation.objects.get(pk=operation.pk).finished:
        most = max(most, resident_bytes(worker))
        time.sleep(0.02)
    operator.done(operation)
    assert most - before < 100 * MIB, "it is read as a stream"
    hits = memory.see_hits(by=operator.by, search=operation.memory_search)
    (server,) = [row for row in _processes(checkpoint) if row["comm"] == "redis-server"]
    assert hits and {(hit["pid"], hit["name"]) for hit in hits} == {(server["pid"], "redis-server")}
    dump = oracle.Dump(site.store / f"{checkpoint.archive_sha256}.tar.zst")
    try:
        places = _offsets(dump.of("pagemap", server["pid"]))
        with tarfile.open(dump.tar) as tar:
            for hit in hits:
                address = int(hit["address"], 16)
                assert places[address & ~0xFFF] + (address & 0xFFF) == hit["offset"]
                member = tar.extractfile(f"checkpoint/{hit['member']}")
                member.seek(hit["offset"])
                assert member.read(len(NEEDLE)) == NEEDLE.encode() and hit["match"] == NEEDLE
    finally:
        dump.close()
    event = AuditEvent.objects.get(operation=operation, action="memory.searched")
    assert NEEDLE in event.sentence and AuditEvent.objects.filter(operation=operation, action="memory.viewed").exists()


def test_a_search_that_runs_ends_when_it_is_cancelled(site, operator, pair):
    slow = memory.request_search(by=operator.by, checkpoint=pair[0], pattern="([a-z]+[0-9]+){40}x", regular=True)
    wait_for(Operation.objects.filter(pk=slow.pk, state="started").exists, "it searches")
    operations.cancel(by=operator.by, operation=slow)
    ended = operator.ended(slow)
    assert ended.state == "cancelled" and ended.progress_bytes < pair[0].unpacked_bytes
    assert not hasattr(ended, "memory_search")


def test_a_comparison_tells_the_truth_of_pages_processes_and_sockets(site, operator, pair):
    first, second = pair
    operator.done(memory.request_compare(by=operator.by, first=first, second=second))
    rows = MemoryComparison.objects.get(first=first, second=second).processes
    told = {row["pid"]: row for row in rows}
    (server,) = [row["pid"] for row in _processes(first) if row["comm"] == "redis-server"]
    before, after = (_pages_of(site, checkpoint, server) for checkpoint in pair)
    both = before.keys() & after.keys()
    truth = {
        "same": sum(before[page] == after[page] for page in both),
        "changed": sum(before[page] != after[page] for page in both),
        "added": len(after.keys() - before.keys()),
        "gone": len(before.keys() - after.keys()),
    }
    row = told[server]
    assert {name: row[name] for name in truth} == truth
    share = lambda counts: 100 * counts["changed"] / (counts["changed"] + counts["same"])  # noqa: E731
    assert abs(share(row) - share(truth)) < 2 and 5 < share(truth) < 60
    parts = differences.parts(*(Inspection.objects.get(checkpoint=checkpoint).facts for checkpoint in pair))
    assert [row["comm"] for row in parts["processes"]["came"]] == ["redis-cli"]
    assert ["sleep", "10000"] in [row["command"] for row in parts["processes"]["went"]]
    came = [(row["type"], row["state"], row["count"]) for row in parts["sockets"]["came"]]
    assert came == [("TCP4", "ESTABLISHED", 1)] * 2, "both ends of the connection"
    assert parts["sockets"]["went"] == []


def _processes(checkpoint):
    return Inspection.objects.get(checkpoint=checkpoint).facts["processes"]


def _offsets(entries):
    """{address of a page: its place in the member of pages}, from pycriu's messages."""
    found, place = {}, 0
    for entry in entries[1:]:
        if entry.get("flags", 4) & 4:
            for number in range(entry.get("nr_pages") or entry["compat_nr_pages"]):
                found[entry["vaddr"] + number * 4096] = place
                place += 4096
    return found


def _pages_of(site, checkpoint, pid):
    """{address: digest} of a process's pages: another hash over another reading."""
    dump = oracle.Dump(site.store / f"{checkpoint.archive_sha256}.tar.zst")
    try:
        entries = dump.of("pagemap", pid)
        with tarfile.open(dump.tar) as tar:
            content = tar.extractfile(f"checkpoint/pages-{entries[0]['pages_id']}.img")
            return {
                address: hashlib.blake2b(content.read(4096), digest_size=16).digest()
                for address, _ in sorted(_offsets(entries).items(), key=lambda item: item[1])
            }
    finally:
        dump.close()
