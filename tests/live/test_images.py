"""Images by real pulls from a real registry: layer by layer, by short names, from where it is allowed; and gone."""

import pytest

from containers_app.models import Image
from containers_app.services import images, inventory, lifecycle, pulls
from tests.live.conftest import both_hosts, fresh, numbers
from tests.live.registry import serving
from tests.live.site import wait_for

pytestmark = pytest.mark.live


@pytest.fixture
def registry(site, tmp_path, operator):
    """A registry that has team/looper:1, and a host that does not."""
    with serving(site, tmp_path) as address:
        operator.sample_image()
        name = f"{address}/team/looper:1"
        site.podman("tag", lifecycle.SAMPLE_IMAGE, name)
        site.podman("push", "--quiet", name)
        site.podman("rmi", lifecycle.SAMPLE_IMAGE, name)
        wait_for(lambda: not inventory.image_named(operator.host, name), "the watcher sees that it is gone")
        yield address
    site.podman("rmi", "--all", "--force", check=False)


def pull(operator, image):
    return operator.ended(pulls.request_pull(by=operator.by, host=operator.host, image=image))


@both_hosts
def test_an_image_is_pulled_layer_by_layer_run_and_removed(site, operator, registry):
    name = f"{registry}/team/looper:1"
    operation = operator.done(pulls.request_pull(by=operator.by, host=operator.host, image=name))
    assert operation.commands[0][-2:] == ["pull", name]
    layers = operation.result["layers"]
    assert layers and all(layer["state"] in {"done", "here"} for layer in layers)
    image = inventory.image_named(operator.host, name)
    looper = operator.done(
        lifecycle.request_create(
            by=operator.by, host=operator.host, name="pulled", image=name, command=lifecycle.SAMPLE_COMMAND, env=[]
        )
    ).container
    numbers(site, "pulled")
    assert fresh(looper).image_id == image.image_id
    operator.kill(looper)
    operator.remove(looper)
    operator.done(images.request_image_remove(by=operator.by, image=image))
    assert Image.objects.get(pk=image.pk).removed_at and name not in site.podman("images", "--format", "{{.Names}}")


@both_hosts
def test_a_short_name_is_resolved_by_the_hosts_alias_and_create_pulls_it(site, operator, registry):
    operation = lifecycle.request_create(
        by=operator.by, host=operator.host, name="short", image="ff-looper:1", command=["/bin/sleep", "60"], env=[]
    )
    operator.done(operation)
    ended, whole = operator.ended(operation), f"{registry}/team/looper:1"
    assert ended.commands[0][-2:] == ["pull", whole] and whole in ended.commands[1]
    assert fresh(ended.container).image_name == whole


def test_what_is_not_there_is_told_in_plain_words(site, operator, registry):
    operation = pull(operator, f"{registry}/team/nothing:1")
    assert operation.state == "failed" and operation.cause and operation.remedy
    gone = pull(operator, "127.0.0.1:1/team/looper:1")
    assert gone.state == "failed" and gone.cause and "registry" in gone.cause.lower()


def test_the_agent_keeps_to_its_own_policy(site, operator, registry):
    site.restart_worker(FREEZEFRAME_REGISTRIES="quay.io/team")
    try:
        operation = pull(operator, f"{registry}/team/looper:1")
        assert operation.state == "failed" and "not allowed here" in operation.summary and not operation.commands
        created = lifecycle.request_create(
            by=operator.by, host=operator.host, name="no", image=f"{registry}/team/looper:1", command=[], env=[]
        )
        assert operator.ended(created).state == "failed" and site.state("no") == "gone"
    finally:
        site.restart_worker()


@both_hosts
def test_a_commit_is_an_image_of_the_files_and_prune_takes_what_nothing_uses(site, operator):
    looper = operator.create("looper", "echo kept > /kept; while true; do sleep 1; done")
    wait_for(lambda: site.podman("exec", "looper", "/bin/sh", "-c", "cat /kept", check=False), "it has written")
    operator.done(images.request_commit(by=operator.by, container=fresh(looper), image="localhost/files:1"))
    assert site.state("looper") == "running"
    read = operator.done(
        lifecycle.request_create(
            by=operator.by, host=operator.host, name="reader", image="localhost/files:1",
            command=["/bin/sh", "-c", "cat /kept"], env=[],
        )
    )  # fmt: skip
    wait_for(lambda: site.logs("reader") == ["kept"], "the file is in the image")
    operator.remove(read.container)
    operator.done(images.request_image_prune(by=operator.by, host=operator.host, everything=True))
    assert not inventory.image_named(operator.host, "localhost/files:1")
    assert inventory.image_named(operator.host, lifecycle.SAMPLE_IMAGE), "a container was made from it"
