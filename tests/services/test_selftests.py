"""When a self-test is due, what its line in the checklist says, and what is kept of one that failed."""

import pytest

from containers_app.models import Host, Operation, SelfTest
from containers_app.services import selftests
from tests.builders import a_container, a_host, ago, an_operation
from tests.views.test_host_selftest import a_selftest

pytestmark = pytest.mark.django_db


@pytest.fixture
def host(settings):
    settings.SELFTEST_HOURS = 24
    return a_host()


def asked():
    return Operation.objects.filter(kind="selftest", state="queued").count()


def test_a_host_that_was_never_proven_is_asked_once(host):
    for _ in range(2):
        selftests.ask_when_due(host.name)
    assert asked() == 1


def test_a_fresh_proof_of_these_versions_is_enough(host):
    a_selftest(host)
    selftests.ask_when_due(host.name)
    assert asked() == 0


@pytest.mark.parametrize("values", [{"finished_at": ago(days=2)}, {"versions": {"podman_version": "3.0"}}])
def test_an_old_proof_or_one_of_other_versions_is_not(host, values):
    a_selftest(host, **values)
    selftests.ask_when_due(host.name)
    assert asked() == 1


def test_nobody_is_disturbed_and_it_can_be_switched_off(host, settings):
    an_operation(container=a_container(host=host), host=host, state="queued", kind="kill")
    selftests.ask_when_due(host.name)
    Operation.objects.all().delete()
    settings.SELFTEST_HOURS = 0
    selftests.ask_when_due(host.name)
    assert asked() == 0


def test_the_checklist_tells_the_last_one(host):
    assert selftests.check_of(host).level == "warn"
    a_selftest(host)
    assert selftests.check_of(host).level == "ok"
    a_selftest(host, passed=False, step="restoring", finished_at=ago(minutes=1))
    found = selftests.check_of(host)
    assert found.level == "warn" and "failed at: restoring" in found.detail
    assert Host.objects.get(pk=host.pk).ready and SelfTest.objects.count() == 2
