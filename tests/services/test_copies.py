"""Copies: names and ports count, collisions are found before anything is queued, the same press is one batch."""

import uuid

import pytest

from containers_app.errors import BadInput
from containers_app.models import Operation
from containers_app.runtime.types import RestoreOptions
from containers_app.services import audit, copies, restores
from tests.builders import a_checkpoint, a_container, an_operation, an_operator

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask():
    by, checkpoint = audit.Caller(user=an_operator()), a_checkpoint(container=a_container(name="web", state="exited"))

    def asked(number, name="web-{n}", key=None, publish=(), checkpoint=checkpoint):
        return copies.request_copies(
            by=by, checkpoint=checkpoint, name=name, copies=number, options=RestoreOptions(publish=list(publish)),
            request_key=key or uuid.uuid4(),
        )  # fmt: skip

    return asked


@pytest.mark.parametrize(
    ("name", "names"), [("web-{n}", ["web-1", "web-2"]), ("w{n}b", ["w1b", "w2b"]), ("web", ["web-1", "web-2"])]
)
def test_names_count(name, names):
    assert copies.copy_names(name, 2) == names


def test_ports_count_up_with_their_address():
    publish = ["18080:80", "127.0.0.1:9000:9000/udp", "[::1]:7000:70"]
    assert copies.copy_ports(publish, 0) == publish
    assert copies.copy_ports(publish, 2) == ["18082:80", "127.0.0.1:9002:9000/udp", "[::1]:7002:70"]


@pytest.mark.parametrize("port", ["80", "8000-8010:80", "65535:80"])
def test_a_port_that_cannot_be_counted_is_refused_beside_its_field(ask, port):
    with pytest.raises(BadInput) as refusal:
        ask(3, publish=[port])
    assert refusal.value.field == "publish" and not Operation.objects.filter(kind="restore").exists()


def test_each_copy_is_an_operation_of_one_batch(ask):
    key = uuid.uuid4()
    made = ask(3, key=key, publish=["18080:80"])
    assert [operation.target_name for operation in made] == ["web-1", "web-2", "web-3"]
    assert [operation.options["flags"]["publish"] for operation in made] == [["18080:80"], ["18081:80"], ["18082:80"]]
    assert Operation.objects.filter(batch=key).count() == 3
    assert [operation.pk for operation in ask(3, key=key)] == [operation.pk for operation in made]
    assert Operation.objects.filter(batch=key).count() == 3


def test_a_name_that_is_taken_or_about_to_be_stops_all_of_them(ask):
    a_container(name="web-2")
    for name in ("web-{n}", "other-{n}"):
        if name.startswith("other"):
            an_operation(container=None, target_name="other-3", kind="create")
        with pytest.raises(BadInput) as refusal:
            ask(3, name=name)
        assert refusal.value.field == "name"
    assert not Operation.objects.filter(kind="restore").exists()


def test_a_port_that_a_running_container_has_is_refused(ask):
    a_container(name="proxy", ports=["18081:80/tcp"])
    with pytest.raises(BadInput, match="proxy has published port 18081"):
        ask(2, publish=["18080:80"])


def test_ports_that_two_copies_would_share_are_refused(ask):
    with pytest.raises(BadInput, match="Two copies would publish port 18081"):
        ask(2, publish=["18080:80", "18081:81"])
    assert len(ask(2, publish=["18080:80", "18082:81"])) == 2


def test_ports_of_what_is_about_to_come_are_taken_too(ask):
    ask(2, publish=["18080:80"])
    with pytest.raises(BadInput, match="web-2 has published port 18081"):
        ask(2, name="other", publish=["18081:80"])


def test_a_single_restore_finds_a_taken_port_as_well():
    a_container(name="proxy", ports=["18080:80/tcp"])
    with pytest.raises(BadInput, match="proxy has published port 18080"):
        restores.request_restore(
            by=audit.Caller(user=an_operator()), checkpoint=a_checkpoint(), name="other",
            options=RestoreOptions(publish=["18080:80"]),
        )  # fmt: skip


def test_what_publishes_ports_needs_ports_for_its_copies(ask):
    checkpoint = a_checkpoint(container=a_container(name="shop", ports=["18080:80/tcp"], state="exited"))
    with pytest.raises(BadInput, match="copies need ports of their own"):
        ask(2, checkpoint=checkpoint)
