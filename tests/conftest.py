"""What every test may use. Live and browser tests share one running site; in CI none of them may be skipped."""

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from django.db import connection


@pytest.fixture(scope="session")
def running_site(django_db_blocker):
    """One whole Freezeframe for the session (tests/live/site.py)."""
    from tests.live.site import Site

    folder = Path(tempfile.mkdtemp(prefix="ff-live-", dir="/var/tmp"))
    site = Site(folder)
    try:
        with django_db_blocker.unblock():
            site.start()
        yield site
    finally:
        site.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def site(running_site, django_db_blocker):
    """The running site, with this test's database connection on it."""
    with django_db_blocker.unblock(), running_site.database():
        yield running_site


@pytest.fixture
def own_database(django_db_setup, django_db_blocker, tmp_path):
    """A database of its own for a test that commits: several connections see it, and it is thrown away at the end.

    Django's transactional tests flush every table afterwards, which the audit tables rightly refuse.
    """
    with django_db_blocker.unblock():
        copy = _copy_in_sqlite(tmp_path) if connection.vendor == "sqlite" else _copy_in_postgresql()
        with copy:
            yield


@pytest.fixture
def unwritable_history(db):
    """A function that makes the database refuse new audit events, for the rest of the test."""

    def refuse():
        table = "containers_app_auditevent"
        refusal = {
            "sqlite": "BEGIN SELECT RAISE(ABORT, 'no more events'); END",
            "postgresql": f"EXECUTE FUNCTION {table}_append_only()",
        }[connection.vendor]
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE TRIGGER {table}_refused BEFORE INSERT ON {table} FOR EACH ROW {refusal}")

    return refuse


@contextmanager
def _copy_in_sqlite(folder):
    connection.ensure_connection()
    memory, name = connection.connection, connection.settings_dict["NAME"]
    with closing(sqlite3.connect(folder / "own.sqlite3")) as file:
        memory.backup(file)
    connection.connection, connection.settings_dict["NAME"] = None, str(folder / "own.sqlite3")
    try:
        yield
    finally:
        connection.close()
        connection.connection, connection.settings_dict["NAME"] = memory, name


@contextmanager
def _copy_in_postgresql():
    name = connection.settings_dict["NAME"]
    connection.close()
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}_own" TEMPLATE "{name}"')
    connection.settings_dict["NAME"] = f"{name}_own"
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = name
        with connection._nodb_cursor() as cursor:
            cursor.execute(f'DROP DATABASE "{name}_own"')


def pytest_runtest_setup(item):
    """A live test needs what only root has; where that is missing it is skipped, and in CI that is a failure."""
    if item.get_closest_marker("live") is None:
        return
    missing = [name for name in ("podman", "runc") if not shutil.which(name)]
    reason = "it must run as root" if os.geteuid() else f"missing: {', '.join(missing)}" if missing else ""
    if reason and os.environ.get("CI") == "true":
        pytest.fail(f"a live test may not be skipped in CI: {reason}")
    if reason:
        pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed live test shows what the site's processes wrote."""
    report = yield
    site = getattr(item, "funcargs", {}).get("site") or getattr(item, "funcargs", {}).get("running_site")
    if report.failed and site:
        for name in ("worker", "watcher", "web"):
            report.sections.append((f"end of {name}.log", site.log_of(name)[-4000:]))
    return report
