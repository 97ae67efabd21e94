"""The import policy: shown to all, changed by right, checked, and both its states in the history."""

import uuid

import pytest

from containers_app.models import AuditEvent
from containers_app.services import reviews
from tests.builders import a_user
from tests.views.conftest import send, words

pytestmark = pytest.mark.django_db
URL = "/policies/imports/"


@pytest.fixture
def admin(client):
    client.force_login(a_user("ada", is_superuser=True))
    return client


def save(client, **values):
    return client.post(URL, {"request_key": uuid.uuid4(), "always_ask": "on", "four_eyes": "on", **values})


def test_everybody_reads_it_and_few_change_it(viewer, operator):
    assert "of everything from elsewhere, by somebody else" in words(viewer.get("/policies/"))
    assert operator.get(URL).status_code == 403 and save(operator).status_code == 403


def test_it_is_changed_line_by_line(admin):
    response = save(
        admin, capabilities="sys_ptrace\nCAP_NET_ADMIN", bind_sources="/srv/data/\n/scratch", registries="quay.io/team",
        host_namespaces=["network"], unconfined="on", always_ask="",
    )  # fmt: skip
    assert response.status_code == 302
    assert reviews.rules(reviews.policy()) == {
        "always_ask": False, "four_eyes": True, "capabilities": ["CAP_NET_ADMIN", "CAP_SYS_PTRACE"],
        "bind_sources": ["/srv/data", "/scratch"], "host_namespaces": ["network"], "registries": ["quay.io/team"],
        "unconfined": True,
    }  # fmt: skip
    event = AuditEvent.objects.get(action="import_policy.changed")
    assert event.before["always_ask"] is True and event.after["always_ask"] is False
    assert "/srv/data, /scratch" in words(admin.get("/policies/"))


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("capabilities", "CAP_EVERYTHING", "is no capability"),
        ("bind_sources", "srv/data", "no whole, clean path"),
        ("bind_sources", "/srv/../etc", "no whole, clean path"),
        ("bind_sources", "/etc", "gives the host away"),
        ("bind_sources", "/", "gives the host away"),
        ("registries", "--all", "not the name of a registry"),
        ("host_namespaces", "ipc", "valid choice"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(admin, field, value, said):
    response = save(admin, **{field: value})
    assert response.status_code == 422 and said in words(response)
    assert not reviews.policy().pk


def test_it_opens_as_a_dialog(admin):
    assert send(admin, URL, request_key=uuid.uuid4(), capabilities="nonsense").status_code == 422
