"""Removing an image: what needs it is told, and while a container does it stays."""

import uuid

from containers_app.models import Operation
from tests.builders import a_checkpoint, a_container, ago, an_image

from .conftest import send, words


def url(image):
    return f"/images/{image.pk}/remove/"


def remove(client, image, key=None):
    return send(client, url(image), request_key=key or uuid.uuid4())


def test_an_operator_is_told_what_needs_it_and_removes_it_once(operator):
    image, key = an_image(names=["localhost/one:1", "localhost/one:2"]), uuid.uuid4()
    a_checkpoint(image_id=image.image_id)
    text = words(operator.get(url(image)))
    assert "localhost/one:1, localhost/one:2" in text and "1 checkpoint in the catalog can be restored only" in text
    for _ in range(2):
        response = remove(operator, image, key)
        operation = Operation.objects.get(kind="image_remove")
        assert response["HX-Redirect"] == f"/operations/{operation.pk}/"
    assert operation.options == {"image_id": image.image_id, "names": image.names}
    assert "Remove image localhost/one:1" in words(operator.get(f"/operations/{operation.pk}/"))


def test_while_a_container_was_made_from_it_it_stays(operator):
    image = an_image()
    a_container(name="needs-it", image_id=image.image_id, host=image.host)
    response = operator.get(url(image))
    assert "needs-it" in words(response) and "data-go" not in response.content.decode()
    assert remove(operator, image).status_code == 409
    assert url(image) not in operator.get("/images/").content.decode()


def test_what_is_gone_cannot_be_removed_and_a_viewer_may_not(operator, viewer):
    assert remove(operator, an_image(removed_at=ago(minutes=1))).status_code == 409
    image = an_image()
    assert viewer.get(url(image)).status_code == remove(viewer, image).status_code == 403
    assert url(image) in operator.get("/images/").content.decode()
    assert url(image) not in viewer.get("/images/").content.decode()
