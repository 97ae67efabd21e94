"""Podman's options, each with what it changes; and the table of flags against the installed binary."""

import urllib.request

import pytest

from containers_app.models import Container
from containers_app.runtime import podman
from containers_app.services import lifecycle
from tests.live.conftest import LOOP, both_hosts, numbers
from tests.live.site import _free_port, wait_for

pytestmark = [pytest.mark.live, both_hosts]


def run(site, operator, name, *flags, command=LOOP):
    """A container with flags that the create form does not have, as the inventory sees it."""
    operator.sample_image()
    site.podman(
        "run", "--detach", "--name", name, *site.limits, *flags, lifecycle.SAMPLE_IMAGE, "/bin/sh", "-c", command
    )
    return wait_for(Container.objects.filter(name=name, removed_at=None, state="running").first, f"{name} is seen")


@pytest.fixture
def volume(site):
    site.podman("volume", "create", "ff-data")
    yield "ff-data"
    site.podman("rm", "--all", "--force", "--time", "0", check=False)
    site.podman("volume", "rm", "--force", "ff-data", check=False)


def test_the_table_names_only_flags_that_some_podman_has_and_this_one_says_which(site, operator):
    runner = podman.Podman(command=tuple(site.podman_command))
    assert set(podman.CHECKPOINT_FLAGS.values()) <= set(runner.flags("checkpoint"))
    restore = {**podman.RESTORE_FLAGS, **podman.IMPORT_FLAGS}
    lacking = set(restore.values()) - set(runner.flags("restore"))
    assert lacking <= {"--tcp-close"}  # from Podman 5.7 on
    assert set(runner.flags("restore")) - set(operator.host.facts["flags"]["restore"]) <= {"--tcp-close"}  # of old runc


def test_a_named_volume_is_carried_into_the_archive_and_comes_back(site, operator, volume):
    container = run(site, operator, "keeper", f"--volume={volume}:/data", command=f"echo kept > /data/file; {LOOP}")
    numbers(site, "keeper")
    checkpoint = operator.checkpoint(container)
    assert f"volumes/{volume}.tar" in [member["name"] for member in checkpoint.members]
    operator.remove(container)
    site.podman("volume", "rm", volume)
    operator.restore(checkpoint)
    assert site.podman("exec", "keeper", "cat", "/data/file") == "kept\n"


def test_a_volume_that_is_there_is_in_the_way_unless_it_is_ignored(site, operator, volume):
    container = run(site, operator, "keeper", f"--volume={volume}:/data", command=f"echo kept > /data/file; {LOOP}")
    numbers(site, "keeper")
    checkpoint = operator.checkpoint(container)
    failed = operator.ended(operator.request_restore(checkpoint, name="copy"))
    assert failed.state == "failed" and site.state("copy") == "gone"
    assert volume in site.podman("volume", "ls", "--quiet")
    operator.restore(checkpoint, name="copy", ignore_volumes=True)
    assert site.podman("exec", "copy", "cat", "/data/file") == "kept\n"


def test_ignored_volumes_are_not_in_the_archive(site, operator, volume):
    container = run(site, operator, "keeper", f"--volume={volume}:/data")
    checkpoint = operator.checkpoint(container, ignore_volumes=True)
    assert not [member for member in checkpoint.members if member["name"].startswith("volumes/")]


def test_an_ignored_root_file_system_leaves_changed_files_behind(site, operator):
    container = run(site, operator, "writer", command=f"echo new > /added; {LOOP}")
    numbers(site, "writer")
    checkpoint = operator.checkpoint(container, ignore_rootfs=True)
    assert "rootfs-diff.tar" not in [member["name"] for member in checkpoint.members]
    operator.remove(container)
    operator.restore(checkpoint)
    assert site.podman("exec", "writer", "ls", "/").find("added") == -1


def test_a_copy_answers_on_a_port_of_its_own(site, operator):
    port, other = _free_port(), _free_port()
    page = "mkdir -p /www; echo warm > /www/index.html; exec busybox httpd -f -p 8080 -h /www"
    container = run(site, operator, "web", f"--publish={site.address}:{port}:8080", command=page)
    assert wait_for(lambda: answer(site, port), "it answers") == b"warm\n"
    checkpoint = operator.checkpoint(container)
    operator.restore(checkpoint, name="web-copy", publish=[f"{site.address}:{other}:8080"])
    assert wait_for(lambda: answer(site, other), "the copy answers") == b"warm\n"


def answer(site, port):
    try:
        return urllib.request.urlopen(f"http://{site.address}:{port}/", timeout=5).read()
    except OSError:
        return b""
