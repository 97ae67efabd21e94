"""Podman's options, each with what it changes; and the table of flags against the installed binary."""

import urllib.request

import pytest

from containers_app.models import Container
from containers_app.runtime import podman
from containers_app.services import lifecycle, outside
from tests.live.conftest import LOOP, numbers
from tests.live.site import _free_port, wait_for

pytestmark = pytest.mark.live


def run(site, operator, name, *flags, command=LOOP):
    """A container with flags that the create form does not have, as the inventory sees it."""
    operator.sample_image()
    limits = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"]
    site.podman("run", "--detach", "--name", name, *limits, *flags, lifecycle.SAMPLE_IMAGE, "/bin/sh", "-c", command)
    return wait_for(Container.objects.filter(name=name, removed_at=None, state="running").first, f"{name} is seen")


@pytest.fixture
def volume(site):
    site.podman("volume", "create", "ff-data")
    yield "ff-data"
    site.podman("rm", "--all", "--force", "--time", "0", check=False)
    site.podman("volume", "rm", "--force", "ff-data", check=False)


def test_the_table_names_only_flags_that_some_podman_has_and_this_one_says_which(operator):
    runner = outside.podman()
    assert set(podman.CHECKPOINT_FLAGS.values()) <= set(runner.flags("checkpoint"))
    restore = {**podman.RESTORE_FLAGS, **podman.IMPORT_FLAGS}
    lacking = set(restore.values()) - set(runner.flags("restore"))
    assert lacking <= {"--tcp-close"}  # from Podman 5.7 on
    assert operator.host.facts["flags"]["restore"] == runner.flags("restore")


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
    container = run(site, operator, "web", f"--publish=127.0.0.1:{port}:8080", command=page)
    assert wait_for(lambda: answer(port), "it answers") == b"warm\n"
    checkpoint = operator.checkpoint(container)
    operator.restore(checkpoint, name="web-copy", publish=[f"127.0.0.1:{other}:8080"])
    assert wait_for(lambda: answer(other), "the copy answers") == b"warm\n"


def answer(port):
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).read()
    except OSError:
        return b""
