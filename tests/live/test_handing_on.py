"""A checkpoint leaves its host: to a second one that never had the image, into a registry and out of it, as a file."""

import hashlib
import json
import uuid

import pytest
from django.urls import reverse

from containers_app.models import AuditEvent, Checkpoint, Container, Host, Image, KeptImage, Operation
from containers_app.runtime.types import RestoreOptions
from containers_app.services import checkpoint_images, handing_on, preflights, pulls, restores
from tests.live import registry
from tests.live.conftest import Operator, numbers
from tests.live.site import wait_for

pytestmark = pytest.mark.live


@pytest.fixture
def elsewhere(lab, site):
    """An administrator at work on the second host, which has the networks of the first one, and no images."""
    lab.podman("network", "create", "fftest", check=False)
    yield Operator(lab)
    lab.podman("rm", "--all", "--force", "--time", "0", check=False)
    lab.podman("volume", "prune", "--force", check=False)


# This machine has control groups of version 1, the lab of version 2, and CRIU brings no mount of one kind back as the
# other. So what travels there has none mounted; nothing else is special about it.
PORTABLE = "--tmpfs=/sys/fs/cgroup"


def taken(site, operator, name, *flags):
    """A checkpoint of a looper with a volume, which was removed; and the last number that it said."""
    operator.sample_image()
    command = "echo kept >/data/x; i=0; while true; do echo $i; i=$(expr $i + 1); sleep 0.2; done"
    site.podman(
        "run", "--detach", "--name", name, *site.limits, "--volume", f"ff-{name}:/data", *flags,
        "localhost/freezeframe-sample:1", "/bin/sh", "-c", command,
    )  # fmt: skip
    container = wait_for(Container.objects.filter(name=name, removed_at=None, state="running").first, f"{name} runs")
    numbers(site, name, at_least=3)
    checkpoint = operator.checkpoint(container)
    last = int(site.logs(name)[-1])
    operator.remove(container)
    site.podman("volume", "rm", f"ff-{name}")
    wait_for(KeptImage.objects.filter(image_id=checkpoint.image_id).first, "its image is kept")
    return Checkpoint.objects.select_related("host", "container").get(pk=checkpoint.pk), last


def goes_on(place, name, last):
    wait_for(lambda: place.logs(name) and int(place.logs(name)[-1]) > last, f"{name} counts on")
    assert place.podman("exec", name, "cat", "/data/x") == "kept\n"


@pytest.fixture
def next_door(neighbour, site):
    """An administrator at work on the second host of this one's kind, which has nothing."""
    yield Operator(neighbour)
    neighbour.podman("rm", "--all", "--force", "--time", "0", check=False)
    neighbour.podman("volume", "prune", "--force", check=False)


def test_an_ordinary_container_goes_on_in_one_click_on_another_host_that_never_had_its_image(
    site, operator, neighbour, next_door, client
):
    checkpoint, last = taken(site, operator, "ordinary")
    assert not neighbour.podman("image", "list", "--quiet")
    host, at = next_door.host, reverse("checkpoint_restore", args=[checkpoint.pk])
    client.force_login(operator.by.user)
    page = client.get(at, {"host": host.pk}).content.decode()
    assert f'<option value="{host.pk}" selected>neighbour</option>' in page
    assert "It comes to neighbour under its own name and ID." in page
    findings = {row["key"]: row["level"] for row in preflights.ask_restore(checkpoint, RestoreOptions(), host=host)}
    assert findings["image-brought"] == "pass" and set(findings.values()) == {"pass"}
    sent = client.post(at, {"host": host.pk, "as_new": "", "copies": 1, "request_key": uuid.uuid4()})
    assert sent.status_code == 302, sent.content.decode()
    container = next_door.done(Operation.objects.filter(kind="restore", host=host).latest("pk")).container
    assert (container.host, container.name, container.restored_from) == (host, "ordinary", checkpoint)
    goes_on(neighbour, "ordinary", last)
    said = [int(number) for number in neighbour.logs("ordinary")]
    assert said == list(range(said[0], said[-1] + 1)) and said[0] <= last + 1, "the next number, and none twice"
    assert site.state("ordinary") == "gone"
    assert neighbour.podman("image", "list", "--quiet", "localhost/freezeframe-sample:1")
    at = reverse("checkpoint_drill", args=[checkpoint.pk])
    client.post(at, {"host": host.pk, "request_key": uuid.uuid4()})
    drilled = next_door.done(Operation.objects.filter(kind="drill", host=host).latest("pk"))
    assert drilled.drill.passed and drilled.drill.host == host


def test_a_second_host_that_never_had_the_image_takes_it_in_one_action(site, operator, lab, elsewhere):
    checkpoint, last = taken(site, operator, "traveller", PORTABLE)
    lab.podman("rmi", "--all", "--force", check=False)
    host = Host.objects.get(name="lab")
    findings = {row["key"]: row["level"] for row in preflights.ask_restore(checkpoint, RestoreOptions(), host=host)}
    blocked = [key for key, level in findings.items() if level == "block"]
    assert findings["image-brought"] == "pass" and blocked == ["cgroup-version"]
    operation = restores.request_restore(
        by=elsewhere.by, checkpoint=checkpoint, name="", host=host, options=RestoreOptions(), forced=True
    )
    container = elsewhere.done(operation).container
    assert (container.host, container.name, container.restored_from) == (host, "traveller", checkpoint)
    goes_on(lab, "traveller", last)
    assert site.state("traveller") == "gone"
    assert lab.podman("image", "list", "--quiet", "localhost/freezeframe-sample:1")


def test_it_is_pushed_to_a_registry_and_restored_from_there_on_the_other_host(site, operator, lab, elsewhere, tmp_path):
    checkpoint, last = taken(site, operator, "pushed", PORTABLE)
    store = tmp_path / "registry"
    store.mkdir()
    with registry.serving(site, store) as address:
        operation = handing_on.request_push(by=operator.by, checkpoint=checkpoint, image=f"{address}/team/pushed:1")
        image_id = operator.done(operation).result["image_id"]
    assert not site.podman("image", "list", "--quiet", image_id, check=False)
    lab.podman("rmi", "--all", "--force", check=False)
    with registry.serving(lab, store) as address:
        name = f"{address}/team/pushed:1"
        elsewhere.done(pulls.request_pull(by=elsewhere.by, host=elsewhere.host, image=name))
    image = wait_for(Image.objects.filter(host__name="lab", image_id=image_id, removed_at=None).first, "it is listed")
    assert checkpoint_images.own_name(image) == "pushed" and handing_on.made_here(image.image_id)
    restored = elsewhere.done(
        checkpoint_images.request_restore_image(
            by=elsewhere.by, image=image, name="again", options=RestoreOptions(), forced=True
        )
    )
    assert restored.container.host.name == "lab"
    goes_on(lab, "again", last)
    assert AuditEvent.objects.filter(action="checkpoint.pushed", checkpoint=checkpoint).exists()


def test_a_downloaded_archive_restores_with_plain_podman(site, operator, tmp_path):
    checkpoint, last = taken(site, operator, "downloaded")
    manifest = json.loads(json.dumps(handing_on.manifest(checkpoint)))
    file = site.store / f"{checkpoint.archive_sha256}.tar.zst"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == manifest["archive"]["sha256"]
    assert manifest["image"]["id"] == checkpoint.image_id
    assert Operation.objects.filter(kind="keep_image", state="succeeded").exists()
    site.podman("container", "restore", "--import", str(file))
    goes_on(site, "downloaded", last)
    site.podman("rm", "--force", "--time", "0", "downloaded")
    site.podman("volume", "rm", "ff-downloaded")
