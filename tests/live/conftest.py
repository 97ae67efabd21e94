"""What live tests share: people, requests that are waited for, and loopers that are removed afterwards."""

import pytest
from django.contrib.auth import get_user_model

from containers_app.models import Checkpoint, Container, Host, Operation
from containers_app.runtime import sample
from containers_app.runtime.types import CheckpointOptions, RestoreOptions
from containers_app.services import audit, checkpoints, lifecycle, restores
from tests.lab.lab import Lab
from tests.live.neighbour import Neighbour
from tests.live.site import wait_for

LOOP = "i=0; while true; do echo $i; i=$(expr $i + 1); sleep 0.2; done"


# Marks a test, or a module, that is run on this machine's Podman and on the second host's newer one.
both_hosts = pytest.mark.parametrize("site", ["local", "lab"], indirect=True)


@pytest.fixture(scope="session")
def lab(running_site, django_db_blocker):
    """The second host for the session (tests/lab/lab.py)."""
    lab = Lab(running_site)
    try:
        lab.start()
        with django_db_blocker.unblock(), running_site.database():
            wait_for(Host.objects.filter(name=lab.host_name).exclude(readiness=[]).first, "the lab is measured")
            wait_for(lambda: Host.objects.get(name=lab.host_name).ready, "the lab is ready")
        yield lab
    finally:
        lab.stop()


@pytest.fixture(scope="session")
def neighbour(running_site, django_db_blocker):
    """A second host of this one's kind for the session (tests/live/neighbour.py)."""
    neighbour = Neighbour(running_site)
    try:
        neighbour.start()
        with django_db_blocker.unblock(), running_site.database():
            wait_for(Host.objects.filter(name=neighbour.host_name).exclude(readiness=[]).first, "it is measured")
        yield neighbour
    finally:
        neighbour.stop()


@pytest.fixture
def site(request, site):
    """Where the test runs: the site itself, or its second host."""
    return request.getfixturevalue("lab") if getattr(request, "param", "local") == "lab" else site


class Operator:
    """An administrator at work: each verb asks through the services, as a page does, and waits for the end."""

    def __init__(self, site):
        self.site = site
        user, _ = get_user_model().objects.get_or_create(username="operator", defaults={"is_superuser": True})
        self.by = audit.Caller(user=user)

    @property
    def host(self):
        return Host.objects.get(name=self.site.host_name)

    def create(self, name, command=LOOP, **options):
        values = {"publish": [], "env": [], **options}
        self.sample_image()
        operation = lifecycle.request_create(
            by=self.by,
            host=self.host,
            name=name,
            image=lifecycle.SAMPLE_IMAGE,
            command=["/bin/sh", "-c", command],
            **values,
        )
        return self.done(operation).container

    def sample_image(self):
        if not self.site.podman("image", "list", "--quiet", lifecycle.SAMPLE_IMAGE, check=False):
            self.site.podman("import", "--quiet", "-", lifecycle.SAMPLE_IMAGE, stdin=sample.root())

    def checkpoint(self, container, **options):
        operation = self.request_checkpoint(container, **options)
        return Checkpoint.objects.get(operation=self.done(operation))

    def request_checkpoint(self, container, mode="stop", forced=False, drill=False, **options):
        return checkpoints.request_checkpoint(
            by=self.by,
            container=fresh(container),
            name="",
            note="",
            tags=["live"],
            mode=mode,
            forced=forced,
            drill=drill,
            options=CheckpointOptions(**options),
        )

    def restore(self, checkpoint, name="", **options):
        return self.done(self.request_restore(checkpoint, name, **options)).container

    def request_restore(self, checkpoint, name="", forced=False, **options):
        return restores.request_restore(
            by=self.by, checkpoint=Checkpoint.objects.get(pk=checkpoint.pk), name=name, forced=forced,
            options=RestoreOptions(**options),
        )  # fmt: skip

    def kill(self, container):
        return self.done(lifecycle.request_act(by=self.by, container=fresh(container), kind="kill"))

    def remove(self, container):
        return self.done(lifecycle.request_act(by=self.by, container=fresh(container), kind="remove"))

    def done(self, operation):
        """The operation once it has succeeded."""
        operation = self.ended(operation)
        assert operation.state == "succeeded", f"{operation.summary}\n{operation.output}\n{operation.criu_log}"
        return operation

    def ended(self, operation, seconds=60):
        find = Operation.objects.filter(pk=operation.pk).exclude(state__in=Operation.UNFINISHED).first
        return wait_for(find, f"{operation.kind} ends", seconds)


def fresh(container):
    return Container.objects.select_related("host").get(pk=container.pk)


@pytest.fixture
def operator(site):
    yield Operator(site)
    site.podman("rm", "--all", "--force", "--time", "0", check=False)
    wait_for(lambda: not Container.objects.filter(removed_at=None).exists(), "the watcher sees that all are removed")


def numbers(site, container, at_least=1):
    """The container's numbers, once there are that many."""
    return wait_for(lambda: (found := site.logs(container)) and len(found) >= at_least and found, f"{container} counts")
