"""The inventory mirrors Podman: newer over older, removed stays as history, the same ID comes back as the same row."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from containers_app.models import AuditEvent, Container, Host, Image
from containers_app.runtime.types import Check, ContainerFacts, HostFacts, ImageFacts
from containers_app.services import inventory
from tests.builders import a_host

pytestmark = pytest.mark.django_db

LOOPER = ContainerFacts(
    container_id="a" * 64, name="looper", image_id="b" * 64, image_name="localhost/sample:1", state="running", pid=7,
    exit_code=0, created_at=None, started_at=None, finished_at=None, checkpointed_at=None, restored_at=None, ports=[],
    command=["sh"], oci_runtime="runc", userdata=Path("/x"), auto_remove=False, dependencies=[], pod="",
    ipc_mode="shareable", userns_mode="", config={},
)  # fmt: skip


def observe(host, *facts, after=0):
    asked_at = timezone.now() + timedelta(seconds=after)
    inventory.observe_all(host, facts, listed=[fact.container_id for fact in facts], asked_at=asked_at)


def test_a_host_is_registered_once_and_audited():
    inventory.register_host("local")
    inventory.register_host("local")
    assert Host.objects.count() == 1
    assert [event.action for event in AuditEvent.objects.all()] == ["host.added"]


def test_a_host_is_away_until_both_its_watcher_and_its_worker_are_heard():
    host = inventory.register_host("local")
    inventory.heartbeat(host, inventory.WATCHER)
    assert Host.objects.get().away
    inventory.heartbeat(host, inventory.WORKER)
    assert not Host.objects.get().away


def test_what_was_measured_of_a_host_is_kept():
    host = inventory.register_host("local")
    inventory.observe_host(host, HostFacts(podman_version="4.3.1"), [Check("criu", "CRIU works", "block", "no")])
    host.refresh_from_db()
    assert host.facts["podman_version"] == "4.3.1" and host.readiness[0]["level"] == "block" and not host.ready


def test_a_container_is_mirrored_and_its_change_too():
    host = a_host()
    observe(host, LOOPER)
    observe(host, replace(LOOPER, state="exited", pid=0), after=1)
    container = Container.objects.get()
    assert (container.state, container.pid, container.removed_at) == ("exited", 0, None)


def test_an_older_answer_never_overwrites_a_newer_one():
    host = a_host()
    observe(host, replace(LOOPER, state="exited"), after=10)
    inventory.observe_containers(host, [LOOPER], asked_at=timezone.now())
    assert Container.objects.get().state == "exited"


def test_what_podman_no_longer_lists_is_removed_but_stays_as_history():
    host = a_host()
    observe(host, LOOPER)
    observe(host, after=1)
    assert Container.objects.get().removed_at is not None


def test_a_container_that_came_to_be_during_the_listing_is_not_taken_for_removed():
    host = a_host()
    observe(host, LOOPER, after=5)
    observe(host)
    assert Container.objects.get().removed_at is None


def test_the_same_id_again_is_the_same_container_come_back():
    host = a_host()
    observe(host, LOOPER)
    observe(host, after=1)
    observe(host, LOOPER, after=2)
    container = Container.objects.get()
    assert container.removed_at is None and container.state == "running"


def test_images_come_and_go():
    host = a_host()
    image = ImageFacts("c" * 64, ["localhost/sample:1"], "sha256:x", 5, None)
    inventory.observe_images(host, [image], asked_at=timezone.now())
    inventory.observe_images(host, [], asked_at=timezone.now())
    assert Image.objects.get().removed_at is not None
    inventory.observe_images(host, [image], asked_at=timezone.now())
    assert Image.objects.get().removed_at is None


def test_other_versions_of_a_host_are_an_event_with_what_they_were(db):
    host = a_host(facts={})
    for version in ("4.3.1", "4.3.1", "5.4.0"):
        inventory.observe_host(host, HostFacts(podman_version=version, criu_version="4.2.1"), [])
    event = AuditEvent.objects.get(action="host.changed")
    assert (event.before, event.after) == ({"podman_version": "4.3.1"}, {"podman_version": "5.4.0"})
    assert event.source == "agent" and event.host_name == host.name
