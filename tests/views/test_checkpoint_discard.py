"""Discarding: says what is lost, asks for the name, refuses what is pinned or in use."""

import uuid

import pytest

from containers_app.models import Operation
from tests.builders import a_checkpoint, a_container, ago, an_operation

from .conftest import send, words


@pytest.fixture
def checkpoint(db):
    members = [
        {"name": "checkpoint/pages-1.img", "size": 143_360, "sha256": ""},
        {"name": "rootfs-diff.tar", "size": 3 * 2**20, "sha256": ""},
        {"name": "volumes/orders-data.tar", "size": 2**20, "sha256": ""},
    ]
    return a_checkpoint(name="warm", container=a_container(name="orders", removed_at=ago(minutes=1)), members=members)


def url(checkpoint):
    return f"/catalog/{checkpoint.pk}/discard/"


def asked(client, checkpoint, name="warm"):
    return send(client, url(checkpoint), name=name, request_key=str(uuid.uuid4()))


def test_a_viewer_is_refused(viewer, checkpoint):
    assert asked(viewer, checkpoint).status_code == 403 and not Operation.objects.filter(kind="discard").exists()


def test_it_says_what_is_lost(operator, checkpoint):
    text = words(operator.get(url(checkpoint)))
    for said in ("140 KiB", "3.0 MiB", "orders-data", "only checkpoint of orders", "nothing restores it then"):
        assert said in text, said


def test_its_name_is_typed_before_it_is_asked_for(operator, checkpoint):
    assert "Its name is warm." in words(asked(operator, checkpoint, name="cold"))
    response = asked(operator, checkpoint)
    operation = Operation.objects.get(kind="discard")
    assert response["HX-Redirect"] == f"/operations/{operation.pk}/"
    assert (operation.checkpoint, operation.host, operation.container) == (checkpoint, checkpoint.host, None)
    assert "Discard warm" in words(operator.get(f"/operations/{operation.pk}/"))


def test_what_is_pinned_stays(operator, checkpoint):
    checkpoint.pinned = True
    checkpoint.save(update_fields=["pinned"])
    page = operator.get(url(checkpoint))
    assert "is pinned" in words(page) and b"data-go" not in page.content
    assert "is pinned" in words(asked(operator, checkpoint)) and not Operation.objects.filter(kind="discard").exists()


def test_what_an_unfinished_operation_uses_stays(operator, checkpoint):
    an_operation(kind="restore", container=None, checkpoint=checkpoint, host=checkpoint.host, target_name="copy")
    assert "An operation uses it: Restore copy" in words(operator.get(url(checkpoint)))
    assert asked(operator, checkpoint).status_code == 409


def test_twice_is_refused(operator, checkpoint):
    asked(operator, checkpoint)
    assert asked(operator, checkpoint).status_code == 409


def test_what_is_about_to_go_is_not_restored_any_more(operator, checkpoint):
    asked(operator, checkpoint)
    typed = {"as_new": "on", "name": "copy", "request_key": str(uuid.uuid4())}
    assert "is being discarded" in words(send(operator, f"/catalog/{checkpoint.pk}/restore/", **typed))


def test_what_is_gone_is_neither_restored_nor_downloaded_nor_discarded(operator):
    gone = a_checkpoint(name="gone", discarded_at=ago(minutes=1))
    typed = {"as_new": "on", "name": "copy", "request_key": str(uuid.uuid4())}
    assert send(operator, f"/catalog/{gone.pk}/restore/", **typed).status_code == 409
    assert operator.post(f"/catalog/{gone.pk}/download/").status_code == 409
    assert asked(operator, gone, "gone").status_code == 409
    assert "discarded" in words(operator.get(f"/catalog/{gone.pk}/"))
