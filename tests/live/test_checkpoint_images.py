"""Checkpoint images: made from a running container, marked as such, restored under either name, and removed."""

import pytest

from containers_app.models import AuditEvent, Container, Image
from containers_app.runtime.types import CheckpointOptions, RestoreOptions
from containers_app.services import checkpoint_images, inventory
from tests.live.conftest import both_hosts, fresh, numbers
from tests.live.site import wait_for

pytestmark = [pytest.mark.live, both_hosts]

NAME = "localhost/looper-warm:1"


def into_image(operator, container, mode="stop", **options):
    return operator.done(
        checkpoint_images.request_checkpoint_image(
            by=operator.by, container=fresh(container), image=NAME, options=CheckpointOptions(**options), mode=mode
        )
    )


def from_image(operator, image, name="", **options):
    return operator.done(
        checkpoint_images.request_restore_image(
            by=operator.by, image=image, name=name, options=RestoreOptions(**options)
        )
    ).container


@pytest.fixture
def clean(site, operator):
    """No image of that name is left, in the inventory either."""
    yield
    site.podman("rm", "--all", "--force", "--time", "0", check=False)
    site.podman("rmi", "--force", NAME, check=False)
    wait_for(lambda: not inventory.image_named(operator.host, NAME), "the watcher sees that the image is gone")


@pytest.fixture
def image(site, operator, clean):
    """The looper's checkpoint image; the looper stands still at `.last`."""
    looper = operator.create("looper")
    numbers(site, "looper", at_least=3)
    into_image(operator, looper)
    row = inventory.image_named(operator.host, NAME)
    row.last = int(site.logs("looper")[-1])
    return row


def test_it_is_an_image_that_says_whose_checkpoint_it_is(site, operator, image):
    assert checkpoint_images.own_name(image) == "looper"
    assert site.state("looper") == "exited"
    event = AuditEvent.objects.filter(action="image.checkpointed").latest("pk")
    assert "--create-image" in event.commands[0] and "--export" not in event.commands[0]


def test_it_is_restored_under_its_own_name_and_counts_on(site, operator, image):
    site.podman("rm", "looper")
    present = Container.objects.filter(name="looper", removed_at=None)
    wait_for(lambda: not present.exists(), "the watcher sees that it is gone")
    from_image(operator, image)
    assert int(numbers(site, "looper")[0]) <= image.last + 1
    assert int(numbers(site, "looper", at_least=image.last + 3)[-1]) > image.last


def test_it_is_restored_as_often_as_wanted_with_ports_of_their_own(site, operator, image):
    names = ["one", "two"]
    for number, name in enumerate(names):
        container = from_image(operator, image, name=name, publish=[f"1880{number}:80"])
        assert [port.removeprefix("0.0.0.0:") for port in container.ports] == [f"1880{number}:80/tcp"]
        assert container.running
    assert all(int(numbers(site, name)[-1]) >= image.last for name in names)


def test_a_copy_into_an_image_goes_on(site, operator, clean):
    looper = operator.create("looper")
    last = int(numbers(site, "looper", at_least=3)[-1])
    into_image(operator, looper, mode="copy")
    assert int(numbers(site, "looper", at_least=last + 3)[-1]) > last


def test_a_removed_checkpoint_image_is_no_longer_offered(site, operator, image):
    site.podman("rmi", "--force", NAME)
    wait_for(lambda: Image.objects.get(pk=image.pk).removed_at, "the watcher sees that the image is gone")
