"""A restore from a checkpoint image: under its own name or another, and only of what is one."""

import uuid

import pytest

from containers_app.models import Operation
from containers_app.services.checkpoint_images import NAME
from tests.builders import a_container, ago, an_admin, an_image, an_operation

from .conftest import _signed_in, send, words


@pytest.fixture
def image(db):
    image = an_image(names=["localhost/warm:1"], checkpoint={NAME: "looper"})
    an_operation(
        kind="checkpoint_image", container=None, state="succeeded", finished_at=ago(minutes=1),
        result={"image_id": image.image_id},
    )  # fmt: skip
    return image


def url(image):
    return f"/images/{image.pk}/restore/"


def filled(**values):
    return {"request_key": str(uuid.uuid4()), "name": "looper", "publish": "", "pod": "", **values}


def test_the_list_marks_a_checkpoint_image_and_offers_its_restore(operator, viewer, image):
    an_image(names=["docker.io/library/redis:7"])
    text = operator.get("/images/").content.decode()
    assert text.count(url(image)) == 2 and "checkpoint" in words(operator.get("/images/"))
    assert url(image) not in viewer.get("/images/").content.decode()


def test_an_image_that_is_no_checkpoint_has_no_restore(operator, image):
    assert operator.get(url(an_image())).status_code == 404


def test_under_its_own_name_it_keeps_its_id(operator, image):
    operator.post(url(image), filled())
    operation = Operation.objects.get(kind="restore_image")
    assert (operation.kind, operation.target_name) == ("restore_image", "looper")
    assert operation.options["flags"]["name"] == "" and operation.options["image"] == "localhost/warm:1"


def test_under_another_name_with_ports_and_in_a_pod(operator, image):
    response = operator.post(url(image), filled(name="other", publish="18080:80", pod="web", keep="on"))
    operation = Operation.objects.get(kind="restore_image")
    assert response.url == f"/operations/{operation.pk}/"
    flags = operation.options["flags"]
    assert (flags["name"], flags["publish"], flags["pod"], flags["keep"]) == ("other", ["18080:80"], "web", True)


def test_a_name_that_is_taken_is_refused(operator, image):
    a_container(host=image.host, name="looper")
    assert send(operator, url(image), **filled()).status_code == 409
    assert not Operation.objects.filter(kind="restore_image").exists()


def test_one_that_was_not_made_here_needs_who_may_approve_archives(operator):
    strange = an_image(names=["quay.io/strange:1"], checkpoint={NAME: "looper"})
    assert operator.post(url(strange), filled(name="mine")).status_code == 403
    assert not Operation.objects.filter(kind="restore_image").exists()
    assert _signed_in(an_admin()).post(url(strange), filled(name="mine")).status_code == 302
    assert Operation.objects.get(kind="restore_image").options["image_id"] == strange.image_id
