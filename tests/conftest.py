"""What every test may use. Live and browser tests share one running site; in CI none of them may be skipped."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest


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
    site = getattr(item, "funcargs", {}).get("running_site") or getattr(item, "funcargs", {}).get("site")
    if report.failed and site:
        for name in ("worker", "watcher", "web"):
            report.sections.append((f"end of {name}.log", site.log_of(name)[-4000:]))
    return report
