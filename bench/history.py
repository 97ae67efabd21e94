"""The history's pages, export and verification at many events against the same at ten, in one run: ratios.

Fills a database of its own (a temporary SQLite file, or an empty DATABASE_URL) and leaves no other trace.
"""

import argparse
import asyncio
import os
import resource
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

PAGES = [
    "/audit/", "/audit/?q=redis", "/audit/?q=container+17", "/audit/?who=person-3", "/audit/?action=restore.failed",
    "/audit/?host=host-2&result=failed", "/audit/?since=2026-02-01&until=2026-02-02", "/audit/?before=600",
]  # fmt: skip
BATCH = 5000


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="how many events (1000000)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each page is asked for (5)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="freezeframe-bench-", dir="/var/tmp") as folder:
        prepare(Path(folder))
        few = measure(fill(10), asked.rounds)
        started = time.perf_counter()
        many = measure(fill(asked.events), asked.rounds)
        print(f"{asked.events:,} events written and measured in {time.perf_counter() - started:.0f} s")
        for page in PAGES:
            (wall, own), ratio = many[page], many[page][0] / few[page][0]
            print(
                f"{page:50} {wall * 1000:7.1f} ms ({own * 1000:.1f} of its own), {ratio:.1f} times that of ten events"
            )
        verify_and_export(Path(folder))


def prepare(folder):
    os.environ.setdefault("DATABASE_URL", f"sqlite:///{folder}/bench.sqlite3")
    os.environ.update(FREEZEFRAME_DATA_DIR=str(folder), DJANGO_SETTINGS_MODULE="webui.settings")
    os.environ.update(FREEZEFRAME_LOG_LEVEL="ERROR", FREEZEFRAME_ALLOWED_HOSTS="testserver")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("prepare")


def fill(end):
    """Events after those that are there, `end` in all, in one chain; returns a signed-in client."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    from containers_app.models import AuditEvent
    from containers_app.runtime import chain
    from containers_app.services import audit

    client = Client()
    user, _ = get_user_model().objects.get_or_create(username="bench", defaults={"is_superuser": True})
    client.force_login(user)  # its events are of the chain too
    begin = AuditEvent.objects.count()
    tip = AuditEvent.objects.values_list("digest", flat=True).first() or chain.ZERO
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for batch in range(begin, end, BATCH):
        events = []
        for number in range(batch + 1, min(batch + BATCH, end) + 1):
            event = AuditEvent(sequence=number, previous=tip, at=start + timedelta(seconds=25 * number), **some(number))
            tip = event.digest = chain.digest(audit.as_written({name: getattr(event, name) for name in audit.FIELDS}))
            events.append(event)
        AuditEvent.objects.bulk_create(events)
    return client


def some(number):
    """The fields of an event, varied by its number: 200 containers, 20 people, 5 hosts, 16 actions."""
    spread = number * 7919  # a prime: neighbours differ
    container, kind = f"container-{spread % 200}", ("checkpoint", "restore", "start", "stop")[spread // 200 % 4]
    result = ("requested", "started", "done", "failed")[spread // 800 % 4]
    return {
        "action": f"{kind}.{result}",
        "result": result,
        "actor_name": f"person-{spread // 3200 % 20}",
        "source": "page",
        "host_name": f"host-{spread % 5}",
        "container_name": container,
        "image_name": f"docker.io/library/{('redis', 'memcached', 'postgres')[spread % 3]}:7",
        "sentence": f"asked to {kind} {container}, number {number}",
        "commands": [["podman", "container", kind, container]] if result == "done" else [],
        "details": {},
    }


def measure(client, rounds):
    """{page: (median seconds, median seconds of this process alone)}: the second is nearly free of what else runs here.

    With SQLite the database's work is in it, with PostgreSQL it is not.
    """
    found = {}
    for page in PAGES:
        taken = []
        for _ in range(rounds):
            own = time.process_time()
            taken.append((timed(client.get, page), time.process_time() - own))
        found[page] = tuple(map(statistics.median, zip(*taken, strict=True)))
    return found


def timed(function, *arguments):
    started = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - started


def verify_and_export(folder):
    from django.contrib.auth import get_user_model

    from containers_app import exports, history
    from containers_app.services import bundles, evidence

    print(f"export as a bundle: {timed(bundles.export, folder / 'bundle'):.1f} s")
    print(f"verification: {timed(evidence.verify):.1f} s, {evidence.verify().finding or 'whole'}")

    rows = history.events(get_user_model().objects.get(username="bench"))

    async def stream():
        return [len(part) async for part in exports.stream(rows, exports.CSV)]

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = timed(lambda: asyncio.run(stream()))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"export as CSV: {seconds:.1f} s, memory grew by {grown:.0f} MiB")


if __name__ == "__main__":
    main()
