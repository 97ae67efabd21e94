"""The environment: names for everybody who may see the container, values by right, and each look is in the history."""

import pytest

from containers_app.models import AuditEvent
from tests.builders import a_container

from .conftest import words


@pytest.fixture
def container(db):
    return a_container(name="looper", config={"env": ["PATH=/bin", "TOKEN=s3cr3t=x"]})


def test_the_containers_page_has_the_names_alone(viewer, operator, container):
    for client in (viewer, operator):
        text = words(client.get(f"/containers/{container.pk}/"))
        assert "TOKEN" in text and "s3cr3t" not in text
    assert "show the values" in words(operator.get(f"/containers/{container.pk}/"))
    assert "show the values" not in words(viewer.get(f"/containers/{container.pk}/"))


def test_a_viewer_is_refused_and_that_is_in_the_history(viewer, container):
    response = viewer.get(f"/containers/{container.pk}/environment/")
    assert response.status_code == 403 and b"s3cr3t" not in response.content
    event = AuditEvent.objects.get(action="request.refused")
    assert (event.actor_name, event.result, event.container) == ("vera", "refused", container)
    assert event.sentence == "was refused: container environment, looper"


def test_who_may_see_the_values_is_recorded_each_time_without_them(operator, container):
    for _ in range(2):
        response = operator.get(f"/containers/{container.pk}/environment/")
        assert "s3cr3t=x" in words(response) and response["Cache-Control"] == "no-store"
    looks = AuditEvent.objects.filter(action="environment.viewed")
    first = looks.first()
    assert (
        looks.count() == 2
        and first.sentence == "looked at the environment of looper"
        and first.details == {"names": ["PATH", "TOKEN"]}
    )
    assert "s3cr3t" not in str(first.details)


def test_without_a_recorded_event_no_value_is_shown(operator, container, unwritable_history):
    unwritable_history()
    response = operator.get(f"/containers/{container.pk}/environment/")
    assert response.status_code == 503 and b"s3cr3t" not in response.content
