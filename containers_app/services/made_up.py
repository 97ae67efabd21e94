"""Made-up hosts, containers and checkpoints, as many as wanted: to try out and to measure the catalog.

Their archives do not exist. So they come only into a database that knows no real host.
"""

import hashlib
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from containers_app.errors import Conflict
from containers_app.models import Checkpoint, Container, Host, Inspection, Operation, SearchText, Tag, Team

from . import catalog

BATCH = 2000
HOSTS = [f"made-up-{number}" for number in range(1, 6)]
PEOPLE = [
    "mina", "jonas", "priya", "tomas", "aiko", "lena", "omar", "sofia", "wei", "ana", "ivan", "nia", "paul", "ruth",
    "sam", "tariq", "uma", "vera", "yusuf", "zoe",
]  # fmt: skip
# Name, image, memory in MiB, and the processes with their command lines.
WORKLOADS = [
    ("cache", "docker.io/library/redis:7", 1100, [("redis-server", "redis-server *:6379")]),
    ("sessions", "docker.io/library/memcached:1.6", 256, [("memcached", "memcached -m 256 -c 1024")]),
    ("orders-db", "docker.io/library/postgres:16", 700, [
        ("postgres", "postgres -D /var/lib/postgresql/data"), ("postgres", "postgres: checkpointer"),
        ("postgres", "postgres: walwriter"),
    ]),
    ("search", "docker.io/library/elasticsearch:8", 4200, [("java", "java -Xms4g -Xmx4g org.elasticsearch.bootstrap")]),
    ("api", "registry.example/team/api:2024.11", 380, [
        ("gunicorn", "gunicorn api.wsgi --workers 4"), *[("gunicorn", "gunicorn: worker")] * 4,
    ]),
    ("notebook", "quay.io/jupyter/scipy-notebook:latest", 900, [("jupyter-lab", "python3 -m jupyterlab --port 8888")]),
    ("looper", "localhost/freezeframe-sample:1", 1, [("sh", "/bin/sh -c while true; do echo $i; sleep 1; done")]),
]  # fmt: skip
TAGS = ["warm", "nightly", "release-4", "before-deploy", "incident", "demo", "golden", "flaky-test"]
NOTES = [
    "",
    "",
    "",
    "Warm after the **nightly import**.",
    "Before the deploy of `release-4`.",
    "Reproduces the deadlock.",
]
STORE = "made-up"


def fill(number):
    """Make checkpoints until the catalog has `number` of them; returns how many were made.

    The same number gives the same catalog. Raises Conflict in a database that knows a real host.
    """
    if Host.objects.exclude(name__in=HOSTS).exists():
        raise Conflict(
            "This database knows a real host: made-up checkpoints have no archives, and would stand among real ones.",
            remedy="Use a database of its own: DATABASE_URL.",
        )
    present = Checkpoint.objects.filter(store=STORE).count()
    hosts = [Host.objects.get_or_create(name=name, defaults={"listed_at": timezone.now()})[0] for name in HOSTS]
    team = Team.objects.get(is_default=True)
    tags = [Tag.objects.get_or_create(name=name)[0] for name in TAGS]
    for begin in range(present, number, BATCH):
        with transaction.atomic():
            _make(range(begin, min(begin + BATCH, number)), hosts, team, tags)
    _settle()
    return max(0, number - present)


def _make(numbers, hosts, team, tags):
    now = timezone.now()
    containers = _containers(numbers, hosts, team, now)
    operations = Operation.objects.bulk_create(
        _operation(containers[number // 25], _moment(number, now)) for number in numbers
    )
    made = Checkpoint.objects.bulk_create(
        _checkpoint(number, containers[number // 25], operation, now)
        for number, operation in zip(numbers, operations, strict=True)
    )
    chosen = [
        (checkpoint, [tags[_spread(number, len(tags))]] if number % 3 else [])
        for number, checkpoint in zip(numbers, made, strict=True)
    ]
    through = Checkpoint.tags.through
    through.objects.bulk_create(through(checkpoint=row, tag=tag) for row, found in chosen for tag in found)
    seen = [{"processes": _processes(number)} for number in numbers]
    Inspection.objects.bulk_create(
        Inspection(checkpoint=row, facts=facts) for row, facts in zip(made, seen, strict=True)
    )
    SearchText.objects.bulk_create(
        SearchText(checkpoint=row, **catalog.words_of(row, [tag.name for tag in found], facts))
        for (row, found), facts in zip(chosen, seen, strict=True)
    )
    _clone(made)


def _operation(container, at):
    values = {"kind": "checkpoint", "state": "succeeded", "host": container.host, "container": container,
              "team": container.team}  # fmt: skip
    return Operation(**values, requested_at=at, started_at=at, finished_at=at)


def _containers(numbers, hosts, team, now):
    """{number // 25: container}: each has 25 checkpoints; those that are there already are found again."""
    wanted = {number // 25 for number in numbers}
    ids = {_digest("container", place): place for place in wanted}
    found = {
        ids[row.container_id]: row
        for row in Container.objects.filter(container_id__in=ids).select_related("host", "team")
    }
    missing = sorted(wanted - set(found))
    rows = []
    for place in missing:
        name, image, _, _ = WORKLOADS[_spread(place, len(WORKLOADS))]
        rows.append(
            Container(
                host=hosts[_spread(place, len(hosts))], team=team, container_id=_digest("container", place),
                state="running", name=f"{name}-{place}", image_id=_digest("image", image), image_name=image,
                seen_at=now, created_at=_moment(25 * place, now), started_at=_moment(25 * place, now),
                config={"hostname": name},
            )
        )  # fmt: skip
    return {**found, **dict(zip(missing, Container.objects.bulk_create(rows), strict=True))}


def _checkpoint(number, container, operation, now):
    _, image, mebibytes, _ = WORKLOADS[_spread(number // 25, len(WORKLOADS))]
    size = mebibytes * 2**20 * (80 + _spread(number, 41)) // 100
    taken = _moment(number, now)
    members = ["config.dump", "spec.dump", "network.status", "stats-dump", "rootfs-diff.tar", "dump.log"]
    members += [f"checkpoint/{name}-1.img" for name in ("core", "mm", "pagemap", "pages", "fdinfo", "fs", "ids")]
    return Checkpoint(
        name=f"{container.name} {number % 25 + 1}", note=NOTES[_spread(number, len(NOTES))], host=container.host,
        team=container.team, container=container, container_name=container.name, image_id=container.image_id,
        image_name=image, operation=operation, taken_by_name=PEOPLE[_spread(number, len(PEOPLE))], taken_at=taken,
        dumped_at=taken,
        options={"leave_running": False, "tcp_established": True, "file_locks": False},
        command=["podman", "container", "checkpoint", "--keep", "--print-stats", "--export=…", container.name],
        store=STORE, archive_sha256=_digest("archive", number), archive_bytes=size // 7 + number % 4096,
        unpacked_bytes=size, pinned=number % 40 == 0, verified_at=taken if number % 5 == 0 else None,
        members=[{"name": name, "size": size // 20, "sha256": _digest(name, number)} for name in members],
        statistics={"frozen_time": size // 700 + number % 997, "pages_written": size // 4096},
        facts={"podman_version": "4.3.1", "criu_version": "4.2.1", "kernel": "6.18.5", "architecture": "x86_64"},
    )  # fmt: skip


def _processes(number):
    _, _, mebibytes, found = WORKLOADS[_spread(number // 25, len(WORKLOADS))]
    return [
        {
            "pid": pid, "ppid": 0 if pid == 1 else 1, "comm": comm, "command": command, "state": "alive", "threads": 1,
            "uid": 999, "mappings": 40, "mapped_bytes": mebibytes * 2**20, "dumped_bytes": mebibytes * 2**19,
        }
        for pid, (comm, command) in enumerate(found, start=1)
    ]  # fmt: skip


def _clone(made):
    """Every second container came to be from a checkpoint of the one before it, in families of forty."""
    rows = {row.container_id: row for row in made}
    before = None
    for place, (pk, row) in enumerate(sorted(rows.items())):
        if before and place % 40 and place % 2:
            Container.objects.filter(pk=pk, came_from=None).update(came_from=before, restored_from=before)
        before = row


def _settle():
    """The database learns how many there are now, as it would by itself in time."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def _moment(number, now):
    return now - timedelta(minutes=5 * (number + 1) + number % 5)


def _spread(number, count):
    """A place below `count`, the same for the same number; neighbours differ."""
    return number * 7919 % 104_729 % count


def _digest(kind, value):
    return hashlib.sha256(f"{kind} {value}".encode()).hexdigest()
