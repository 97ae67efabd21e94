"""Podman's argument lists and what is read from its answers. The real Podman is asked in tests/live."""

import pytest

from containers_app.errors import BadInput
from containers_app.runtime import host, podman, podman_arguments, podman_facts
from containers_app.runtime.types import CheckpointOptions, CommandResult, CreateOptions, RestoreOptions


def test_a_checkpoint_is_an_uncompressed_export_with_statistics():
    assert podman_arguments.checkpoint_arguments("looper", CheckpointOptions(), export="/x") == [
        "container", "checkpoint", "--keep", "--print-stats", "--compress", "none", "--export", "/x", "looper",
    ]  # fmt: skip


@pytest.mark.parametrize(("field", "flag"), podman_arguments.CHECKPOINT_FLAGS.items())
def test_every_ticked_checkpoint_option_is_its_flag(field, flag):
    assert flag in podman_arguments.checkpoint_arguments("looper", CheckpointOptions(**{field: True}), export="/x")


@pytest.mark.parametrize(("field", "flag"), podman_arguments.RESTORE_FLAGS.items())
def test_every_ticked_restore_option_is_its_flag(field, flag):
    assert flag in podman_arguments.restore_arguments(RestoreOptions(**{field: True}), container="looper")


def test_memory_beforehand_is_taken_without_files_and_leaves_the_rest_to_the_dump_that_follows():
    options = CheckpointOptions(tcp_established=True, pre_checkpoint=True)
    assert podman_arguments.pre_checkpoint_arguments("looper", options, export="/x.tar") == [
        "container", "checkpoint", "--tcp-established", "--pre-checkpoint", "--ignore-rootfs", "--ignore-volumes",
        "--compress", "none", "--export", "/x.tar", "looper",
    ]  # fmt: skip


def test_a_restore_from_an_archive_may_have_a_new_name():
    arguments = podman_arguments.restore_arguments(RestoreOptions(name="other"), archive="/x.tar")
    assert arguments[-4:] == ["--name", "other", "--import", "/x.tar"]


def test_the_command_of_a_new_container_stays_one_argument_per_word():
    options = CreateOptions(name="a", image="busybox", command=["sh", "-c", "echo $HOME; rm -rf /"], runtime="runc")
    assert podman_arguments.create_arguments(options) == [
        "--runtime", "runc", "create", "--pull=never", "--name", "a", "busybox", "sh", "-c", "echo $HOME; rm -rf /",
    ]  # fmt: skip


def test_a_host_that_cannot_count_processes_is_not_asked_to():
    options = CreateOptions(name="a", image="busybox", pids_limit="0")
    assert "--pids-limit=0" in podman_arguments.create_arguments(options)
    assert host.pids_limit({"cgroupControllers": ["hugetlb"]}) == "0"
    assert host.pids_limit({"cgroupControllers": None}) == "0"
    assert host.pids_limit({"cgroupControllers": ["memory", "pids"]}) == ""


@pytest.mark.parametrize(("runtime_says", "offered"), [("--tcp-established", False), ("--tcp-close", True)])
def test_a_flag_is_offered_where_the_oci_runtime_has_it_too(monkeypatch, runtime_says, offered):
    monkeypatch.setattr(podman.Podman, "flags", lambda self, verb: ["--tcp-close", "--keep"])
    answer = CommandResult([], 0, f"   {runtime_says}  some words", "")
    monkeypatch.setattr(host.process, "run", lambda argv, **options: answer)
    assert ("--tcp-close" in host.flags(podman.Podman(), "runc")["restore"]) == offered
    assert "--tcp-close" not in host.flags(podman.Podman(), "")["restore"]


@pytest.mark.parametrize("name", ["", "-rf", "a b", "a/b", "../x", "a\n", "é", "a" * 200, "$(id)"])
def test_a_name_that_podman_would_not_take_never_reaches_a_command_line(name):
    with pytest.raises(BadInput):
        podman_arguments.check_name(name)


@pytest.mark.parametrize("image", ["", "--privileged", "a b", "image;id", "a\nb"])
def test_an_image_that_is_no_reference_never_reaches_a_command_line(image):
    with pytest.raises(BadInput):
        podman_arguments.check_image(image)


def test_podmans_times_are_read_with_microseconds_and_the_year_1_is_never():
    assert podman_facts.moment("2026-11-23T12:04:37.123456789Z").isoformat() == "2026-11-23T12:04:37.123456+00:00"
    assert podman_facts.moment("2026-11-23T12:04:37.1+01:00").microsecond == 100000
    assert podman_facts.moment("0001-01-01T00:00:00Z") is None
    assert podman_facts.moment("") is None


def test_environment_values_are_not_on_the_command_line():
    options = CreateOptions(name="a", image="busybox", env=["TOKEN=hush"])
    arguments = podman_arguments.create_arguments(options, env_file="/x")
    assert "--env-file" in arguments and "hush" not in " ".join(arguments)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["podman", "run", "--ip=10.88.0.7", "redis"], ["10.88.0.7"]),
        (["podman", "run", "--ip", "10.88.0.7", "redis"], ["10.88.0.7"]),
        (["podman", "run", "--network=team:mac=02:00:00:00:00:01,ip=10.89.0.7", "redis"], ["10.89.0.7"]),
        (["podman", "run", "redis"], []),
    ],
)
def test_an_address_that_was_asked_for_is_known_from_the_command_that_made_it(words, found):
    row = {
        "Id": "c" * 64, "Name": "it", "State": {"Status": "running"}, "Config": {"CreateCommand": words},
        "HostConfig": {}, "NetworkSettings": {"Networks": {"team": {"IPAddress": "10.88.0.7", "IPAMConfig": None}}},
    }  # fmt: skip
    assert podman_facts.container_facts(row).static_addresses == found
