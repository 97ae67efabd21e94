"""Podman's prune of images: what it can take, and one operation."""

import uuid

from containers_app.models import Operation
from tests.builders import a_container, a_host, an_image

from .conftest import send, words

URL = "/images/prune/"


def test_it_lists_what_no_container_uses(operator):
    used = an_image(names=["localhost/used:1"])
    a_container(image_id=used.image_id, host=used.host)
    an_image(names=["localhost/idle:1"], host=used.host)
    text = words(operator.get(URL))
    assert "localhost/idle:1" in text and "localhost/used:1" not in text.split("Prune images of")[-1]


def test_an_operator_presses_it_once(operator):
    host, key = a_host(), uuid.uuid4()
    for _ in range(2):
        response = send(operator, URL, host=host.pk, everything="on", request_key=key)
        assert response["HX-Redirect"] == f"/operations/{Operation.objects.get().pk}/"
    operation = Operation.objects.get()
    assert (operation.kind, operation.options) == ("image_prune", {"everything": True})
    assert "Prune images of local" in words(operator.get(f"/operations/{operation.pk}/"))


def test_a_viewer_may_not_and_no_host_is_not_found(viewer, operator):
    assert operator.get(URL).status_code == 404
    a_host()
    assert viewer.get(URL).status_code == 403
