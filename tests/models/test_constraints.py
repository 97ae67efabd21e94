"""What the database itself refuses, whatever the code above it believes."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from containers_app.models import AuditEvent, Operation
from tests.builders import a_checkpoint, a_container, an_event, an_operation

pytestmark = pytest.mark.django_db


def refused(function, *arguments, **values):
    with pytest.raises(IntegrityError), transaction.atomic():
        function(*arguments, **values)


def test_a_container_has_at_most_one_unfinished_operation():
    container = a_container()
    an_operation(container=container, host=container.host, state="queued")
    refused(an_operation, container=container, host=container.host, state="queued")


def test_finished_operations_may_be_many():
    container = a_container()
    for _ in range(3):
        an_operation(container=container, host=container.host, state="succeeded", finished_at=timezone.now())


def test_finished_means_it_has_an_end():
    operation = an_operation(state="queued")
    refused(Operation.objects.filter(pk=operation.pk).update, state="failed")
    refused(Operation.objects.filter(pk=operation.pk).update, finished_at=timezone.now())


def test_started_means_it_has_a_lease():
    operation = an_operation(state="queued")
    refused(Operation.objects.filter(pk=operation.pk).update, state="started")


def test_an_archive_is_in_a_store_once():
    checkpoint = a_checkpoint()
    refused(a_checkpoint, store=checkpoint.store, archive_sha256=checkpoint.archive_sha256)


def test_a_container_is_on_its_host_once():
    container = a_container()
    refused(a_container, host=container.host, container_id=container.container_id)


def test_an_event_is_never_changed_and_never_deleted():
    event = an_event()
    for attempt in (
        event.save,
        event.delete,
        AuditEvent.objects.all().delete,
        lambda: AuditEvent.objects.update(sentence="nothing happened"),
        lambda: AuditEvent.objects.bulk_update([event], ["sentence"]),
    ):
        with pytest.raises(TypeError):
            attempt()
