"""Into a registry: which name, by whom, and only what may leave the house."""

import uuid

import pytest

from containers_app.models import Operation
from tests.builders import a_checkpoint, ago

from .conftest import send, words

pytestmark = pytest.mark.django_db


def url(checkpoint):
    return f"/catalog/{checkpoint.pk}/push/"


def filled(image="quay.io/team/warm:1"):
    return {"request_key": str(uuid.uuid4()), "image": image}


def test_who_may_not_download_may_not_push(viewer):
    checkpoint = a_checkpoint()
    assert viewer.get(url(checkpoint)).status_code == viewer.post(url(checkpoint), filled()).status_code == 403


def test_it_is_asked_for_under_its_whole_name(operator):
    checkpoint = a_checkpoint()
    assert "secrets" in words(operator.get(url(checkpoint)))
    response = operator.post(url(checkpoint), filled("quay.io/team/warm"))
    operation = Operation.objects.get(kind="push")
    assert response.url == f"/operations/{operation.pk}/"
    assert (operation.target_name, operation.checkpoint) == ("quay.io/team/warm:latest", checkpoint)


@pytest.mark.parametrize("image", ["warm", "not an image", "docker.io/elsewhere/warm:1"])
def test_a_name_that_leads_nowhere_or_is_not_allowed_is_said_beside_its_field(operator, settings, image):
    settings.REGISTRIES = ["quay.io/team"]
    response = send(operator, url(a_checkpoint()), **filled(image))
    assert response.status_code == 422 and response.context["form"].errors["image"]
    assert "Allowed: quay.io/team." in words(response)
    assert not Operation.objects.filter(kind="push").exists()


@pytest.mark.parametrize("values", [{"flaw": "damaged", "flaw_at": ago(hours=1)}, {"provenance": "refused"}])
def test_what_may_not_be_restored_is_not_handed_on(operator, values):
    assert operator.post(url(a_checkpoint(**values)), filled()).status_code == 409
    assert not Operation.objects.filter(kind="push").exists()
