"""What every test may use. Live and browser tests share one running site; in CI none of them may be skipped."""

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from django.db import connection, transaction


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


@pytest.fixture(scope="session")
def rolled_back(django_db_setup, django_db_blocker):
    """For fixtures of a module: `with rolled_back():` is the database, and nothing stays of what was written in it."""

    @contextmanager
    def block():
        with django_db_blocker.unblock(), transaction.atomic():
            yield
            transaction.set_rollback(True)

    return block


@pytest.fixture
def own_database(django_db_setup, django_db_blocker, tmp_path):
    """A database of its own for a test that commits: several connections see it, and it is thrown away at the end.

    Django's transactional tests flush every table afterwards, which the audit tables rightly refuse.
    """
    with django_db_blocker.unblock(), _another_database(tmp_path, copied=True):
        yield


@pytest.fixture
def bare_database(django_db_setup, django_db_blocker, tmp_path):
    """The same without a table in it, for a test of migrations."""
    with django_db_blocker.unblock(), _another_database(tmp_path, copied=False):
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


def _another_database(folder, *, copied):
    return _another_in_sqlite(folder, copied) if connection.vendor == "sqlite" else _another_in_postgresql(copied)


@contextmanager
def _another_in_sqlite(folder, copied):
    connection.ensure_connection()
    memory, name = connection.connection, connection.settings_dict["NAME"]
    if copied:
        with closing(sqlite3.connect(folder / "own.sqlite3")) as file:
            memory.backup(file)
    connection.connection, connection.settings_dict["NAME"] = None, str(folder / "own.sqlite3")
    try:
        yield
    finally:
        connection.close()
        connection.connection, connection.settings_dict["NAME"] = memory, name


@contextmanager
def _another_in_postgresql(copied):
    name = connection.settings_dict["NAME"]
    connection.close()
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}_own" TEMPLATE "{name if copied else "template0"}"')
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
