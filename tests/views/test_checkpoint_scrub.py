"""A press that has one archive read again."""

import pytest

from containers_app.models import Operation
from tests.builders import a_checkpoint

from .conftest import words

pytestmark = pytest.mark.django_db


def test_a_viewer_may_not(viewer):
    assert viewer.post(f"/catalog/{a_checkpoint().pk}/scrub/").status_code == 403
    assert not Operation.objects.filter(kind="scrub").exists()


def test_it_is_asked_of_the_host_that_has_the_archive(operator):
    checkpoint = a_checkpoint(name="warm")
    response = operator.post(f"/catalog/{checkpoint.pk}/scrub/")
    operation = Operation.objects.get(kind="scrub")
    assert (operation.host, operation.checkpoint) == (checkpoint.host, checkpoint)
    assert "Read the archive of warm" in words(operator.get(response.url))
