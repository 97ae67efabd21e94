"""What the services refuse before anything is queued, in words that help."""

import uuid

import pytest
from django.utils import timezone

from containers_app.errors import BadInput, Conflict
from containers_app.models import Operation
from containers_app.runtime.types import CheckpointOptions, RestoreOptions
from containers_app.services import audit, checkpoints, lifecycle, restores
from tests.builders import FACTS, a_checkpoint, a_container, a_host, an_operation

pytestmark = pytest.mark.django_db

BY = audit.Caller()


def take(container, options=CheckpointOptions(), name="", **values):  # noqa: B008 - frozen
    values = {"note": "", "tags": [], **values}
    return checkpoints.request_checkpoint(by=BY, container=container, name=name, options=options, **values)


@pytest.mark.parametrize("state", ["created", "exited", "paused", "stopped"])
def test_a_container_that_does_not_run_is_not_checkpointed(state):
    with pytest.raises(Conflict, match=f"is {state}, not running"):
        take(a_container(state=state))


def test_a_checkpoint_without_a_name_is_named_after_its_container():
    assert take(a_container(name="looper", state="running")).options["name"] == "looper 1"


def test_a_flag_that_the_hosts_podman_lacks_is_neither_offered_nor_sent():
    host = a_host(facts={**FACTS, "flags": {"checkpoint": ["--leave-running"], "restore": []}})
    assert checkpoints.offered(host) == ["leave_running"]
    assert restores.offered(host) == []
    with pytest.raises(BadInput, match="no --tcp-established"):
        take(a_container(host=host, state="running"), CheckpointOptions(tcp_established=True))
    assert Operation.objects.count() == 0


def test_a_restore_as_a_taken_name_is_refused():
    checkpoint = a_checkpoint()
    a_container(host=checkpoint.host, name="taken")
    with pytest.raises(Conflict, match="taken"):
        restores.request_restore(by=BY, checkpoint=checkpoint, name="taken", options=RestoreOptions())


def test_a_restore_under_its_own_name_is_refused_while_the_container_runs():
    checkpoint = a_checkpoint(container=a_container(state="running"))
    with pytest.raises(Conflict, match="is running"):
        restores.request_restore(by=BY, checkpoint=checkpoint, name="", options=RestoreOptions())


@pytest.mark.parametrize("name", ["-x", "a b", "../up", "a/b"])
def test_a_name_that_podman_would_not_take_is_refused_beside_its_field(name):
    with pytest.raises(BadInput) as caught:
        lifecycle.request_create(by=BY, host=a_host(), name=name, image="busybox", command=[], publish=[], env=[])
    assert caught.value.field == "name"


def test_a_free_name_passes_over_containers_and_over_names_that_are_coming():
    host = a_host()
    a_container(host=host, name="looper")
    an_operation(host=host, container=None, kind="sample", state="queued", target_name="looper-2")
    assert lifecycle.free_name(host, "looper") == "looper-3"


def test_the_same_press_after_the_first_has_ended_is_still_the_same_operation():
    container, key = a_container(state="running"), uuid.uuid4()
    first = take(container, request_key=key)
    Operation.objects.update(state="succeeded", finished_at=timezone.now())
    container.state = "exited"
    assert take(container, request_key=key) == first
