"""The catalog's pages, searches and filters at many checkpoints against the same at ten, in one run: ratios.

Fills a database of its own (a temporary SQLite file, or an empty DATABASE_URL) and leaves no other trace.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

PAGES = [
    "/catalog/", "/catalog/?view=cards", "/catalog/?q=redis", "/catalog/?q=made-up", "/catalog/?q=orders+checkpointer",
    "/catalog/?q=no-such-word", "/catalog/?tag=warm", "/catalog/?host=1", "/catalog/?who=mina", "/catalog/?of=cache-0",
    "/catalog/?image=docker.io/library/redis:7", "/catalog/?verified=yes&pinned=yes", "/catalog/?favourite=yes",
    "/catalog/?larger=100&smaller=200", "/catalog/?since=2026-01-01&q=redis&tag=warm", "/catalog/?sort=name",
    "/catalog/?sort=largest&q=postgres", "/catalog/?sort=frozen", "/catalog/?before=7", "/catalog/?sort=name&after=7",
    "/catalog/7/", "/catalog/7/lineage/", "/search/?q=redis",
]  # fmt: skip
GOAL = 0.1  # seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoints", type=int, default=100_000, help="how many checkpoints (100000)")
    parser.add_argument("--rounds", type=int, default=9, help="how often each page is asked for (9)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="freezeframe-bench-", dir="/var/tmp") as folder:
        prepare(Path(folder))
        few = {name: measure(client, asked.rounds) for name, client in clients(10).items()}
        started = time.perf_counter()
        many = {name: measure(client, asked.rounds) for name, client in clients(asked.checkpoints).items()}
        print(f"{asked.checkpoints:,} checkpoints made and measured in {time.perf_counter() - started:.0f} s")
        for name, pages in many.items():
            for page, (wall, own, queries) in pages.items():
                wall_before, _, queries_before = few[name][page]
                say = "" if own < GOAL else "  SLOW"
                say += "" if queries == queries_before else f"  {queries_before} queries with ten"
                print(
                    f"{name:14} {page:46} {wall * 1000:7.1f} ms ({own * 1000:.1f} of its own), "
                    f"{wall / wall_before:.1f} times that of ten, {queries} queries{say}"
                )
        for what, moved, wall, own in rules():
            print(f"{what:61} {wall:7.2f} s ({own:.2f} of its own), {moved:,} containers moved")


def prepare(folder):
    os.environ.setdefault("DATABASE_URL", f"sqlite:///{folder}/bench.sqlite3")
    os.environ.update(FREEZEFRAME_DATA_DIR=str(folder), DJANGO_SETTINGS_MODULE="webui.settings")
    os.environ.update(FREEZEFRAME_LOG_LEVEL="CRITICAL", FREEZEFRAME_ALLOWED_HOSTS="testserver")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("prepare")


def clients(number):
    """{who: a signed-in client} of an administrator and of a team's member, once there are so many checkpoints."""
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.test import Client

    from containers_app.models import Membership, Role, Team

    call_command("fill_catalog", checkpoints=number, verbosity=0)
    people = get_user_model().objects
    admin, _ = people.get_or_create(username="administrator", defaults={"is_superuser": True})
    member, _ = people.get_or_create(username="member")
    Membership.objects.get_or_create(
        user=member, team=Team.objects.get(is_default=True), defaults={"role": Role.objects.get(name="operator")}
    )
    found = {"administrator": Client(), "team's member": Client()}
    for client, person in zip(found.values(), (admin, member), strict=True):
        client.force_login(person)
    return found


def measure(client, rounds):
    """{page: (seconds, processor seconds, queries)}, each the least of `rounds`: whatever else runs only adds to it.

    Processor seconds are those of this process and of its backend in PostgreSQL: nearly free of what else runs here.
    """
    found = {}
    for page in PAGES:
        taken = [timed(client, page) for _ in range(rounds)]
        found[page] = (*map(min, zip(*taken, strict=True)), counted(client, page))
    return found


def timed(client, page):
    started, own = time.perf_counter(), processor()
    response = client.get(page)
    assert response.status_code == 200, (page, response.status_code)  # noqa: S101 - a wrong page is not measured
    return time.perf_counter() - started, processor() - own


def processor():
    """Seconds that this process, and its PostgreSQL backend, have been on a processor (proc(5), schedstat)."""
    from django.db import connection

    seconds = time.process_time()
    if connection.vendor == "postgresql":
        connection.ensure_connection()
        backend = connection.connection.info.backend_pid
        seconds += int(Path(f"/proc/{backend}/schedstat").read_text().split()[0]) / 1e9
    return seconds


def rules():
    """[(what, containers that moved, seconds, processor seconds)] of a team getting all, nothing, and losing all."""
    from django.contrib.auth import get_user_model

    from containers_app.models import Team
    from containers_app.services import audit, teams

    by = audit.Caller(user=get_user_model().objects.get(username="administrator"))
    team, found = Team.objects.get_or_create(name="red")[0], []
    everything = [{"host": None, "label": "", "value": ""}]
    for what, wanted in (("all goes to a team", everything), ("nothing moves", everything), ("all goes back", [])):
        started, own = time.perf_counter(), processor()
        moved = teams.set_rules(by=by, team=team, rules=wanted)
        found.append((f"a team's rules change: {what}", moved, time.perf_counter() - started, processor() - own))
    return found


def counted(client, page):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        client.get(page)
    return len(captured)


if __name__ == "__main__":
    main()
