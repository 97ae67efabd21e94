"""Podman's options, each with what it changes; and the table of flags against the installed binary."""

import re
import urllib.request
import uuid

import pytest

from containers_app.errors import BadInput
from containers_app.models import Container
from containers_app.runtime import podman_arguments
from containers_app.runtime.types import RestoreOptions
from containers_app.services import checkpoints, copies, lifecycle
from tests.live import images
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


# Flags of the installed Podman that no table of ours has, and why.
OTHERWISE = {
    "checkpoint": {
        "--all": "one operation is of one container", "--latest": "containers have names", "--keep": "always sent",
        "--print-stats": "always sent", "--export": "where the archive goes", "--compress": "our own pass compresses",
        "--create-image": "services/checkpoint_images.py",
    },
    "restore": {
        "--all": "one operation is of one container", "--latest": "containers have names",
        "--print-stats": "always sent", "--import": "where the archive lies", "--name": "RestoreOptions.name",
        "--publish": "RestoreOptions.publish", "--pod": "RestoreOptions.pod",
        "--import-previous": "one archive has both dumps (runtime/capture.py)",
    },
}  # fmt: skip


def test_every_flag_of_this_podman_is_in_a_table_or_has_a_reason_not_to_be(operator, site):
    ours = {
        "checkpoint": set(podman_arguments.CHECKPOINT_FLAGS.values()),
        "restore": {*podman_arguments.RESTORE_FLAGS.values(), *podman_arguments.IMPORT_FLAGS.values()},
    }
    for verb, known in ours.items():
        installed = set(
            re.findall(r"^ +(?:-\w, +)?(--[a-z-]+)", site.podman("container", verb, "--help"), re.MULTILINE)
        )
        assert installed - known - set(OTHERWISE[verb]) == {"--help"} & installed
        assert set(OTHERWISE[verb]) <= installed
        assert known - installed <= {"--tcp-close"}  # from Podman 5.7 on
        offered = set(operator.host.facts["flags"][verb])
        assert installed - offered <= {"--tcp-close"}  # of a runc that does not know it


def test_memory_beforehand_is_neither_offered_nor_sent_where_the_kernel_does_not_track_it(site, operator):
    tracks = operator.host.facts["dirty_tracking"]
    assert tracks == ("pre_checkpoint" in checkpoints.offered(operator.host))
    looper = operator.create("looper")
    if not tracks:
        with pytest.raises(BadInput, match="does not track changed memory"):
            operator.request_checkpoint(looper, pre_checkpoint=True)
        return
    numbers(site, "looper", at_least=3)
    checkpoint = operator.checkpoint(looper, pre_checkpoint=True)
    assert {member["name"].partition("/")[0] for member in checkpoint.members} >= {"checkpoint", "pre-checkpoint"}
    last = int(site.logs("looper")[-1])
    operator.remove(looper)
    operator.restore(checkpoint)
    assert last + 1 in map(int, numbers(site, "looper", at_least=2))


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


def test_a_file_lock_survives_and_without_the_option_nothing_is_stopped_for_good(site, operator):
    container = holder_of_a_lock(site)
    failed = operator.ended(operator.request_checkpoint(container, forced=True))
    assert (failed.state, failed.failure) == ("failed", "file-locks-dump")
    assert site.state("holder") == "running"
    checkpoint = operator.checkpoint(container, file_locks=True)
    operator.restore(checkpoint, file_locks=True)
    again = "import fcntl; fcntl.flock(open('/lock', 'w'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    assert "BlockingIOError" in site.podman(
        "exec", "holder", "python3", "-c", f"try:\n {again}\nexcept OSError as e: print(repr(e))"
    )


def holder_of_a_lock(site):
    """A container whose process holds a lock on a file; there is no flock(1) in the sample."""
    code = "import fcntl, time; f = open('/lock', 'w'); fcntl.flock(f, 2); print('held', flush=True); time.sleep(9999)"
    image = images.build(site, "python")
    site.podman("run", "--detach", "--name", "holder", *site.limits, image, "python3", "-c", code)
    wait_for(lambda: site.podman("logs", "holder") == "held\n", "it holds the lock")
    return wait_for(Container.objects.filter(name="holder", removed_at=None, state="running").first, "it is seen")


def test_three_copies_answer_on_three_ports(site, operator):
    port = _free_port()
    page = "mkdir -p /www; echo warm > /www/index.html; exec busybox httpd -f -p 8080 -h /www"
    container = run(site, operator, "web", command=page)
    checkpoint = operator.checkpoint(container)
    made = copies.request_copies(
        by=operator.by, checkpoint=checkpoint, name="web-{n}", copies=3, request_key=uuid.uuid4(),
        options=RestoreOptions(publish=[f"{port}:8080"]),
    )  # fmt: skip
    assert [operator.done(operation).container.name for operation in made] == ["web-1", "web-2", "web-3"]
    for number in range(3):
        assert wait_for(lambda: answer(site, port + number), "the copy answers") == b"warm\n"  # noqa: B023
