"""Preflight on real containers: what it foresees happens, what it lets pass works, and it disturbs nobody."""

import base64
import os
import signal
import socket
import time
from pathlib import Path

import pytest

from containers_app.models import Checkpoint, KeptImage
from containers_app.runtime import cgroup, criu
from containers_app.runtime.types import CheckpointOptions, RestoreOptions
from containers_app.services import preflights
from tests.live import images
from tests.live.conftest import both_hosts, fresh, numbers
from tests.live.site import _free_port, wait_for
from tests.live.test_options import LOOP, holder_of_a_lock, run

pytestmark = pytest.mark.live


def before_checkpoint(container, **options):
    """{key: level} of what the agent finds that does not pass."""
    found = preflights.ask_checkpoint(fresh(container), CheckpointOptions(**options))
    return {finding["key"]: finding["level"] for finding in found if finding["level"] != "pass"}


def before_restore(checkpoint, **options):
    return before_copies(checkpoint, RestoreOptions(**options))


def before_copies(checkpoint, *copies):
    found = preflights.ask_restore(checkpoint, *copies)
    return {finding["key"]: finding["level"] for finding in found if finding["level"] != "pass"}


@both_hosts
def test_nothing_is_in_the_way_of_an_ordinary_container(site, operator):
    looper = operator.create("looper")
    numbers(site, "looper")
    assert before_checkpoint(looper) == {}
    checkpoint = operator.checkpoint(looper)
    assert checkpoint.facts["cpu_image"] and checkpoint.facts["criu_version"] and checkpoint.facts["kernel"]
    assert before_restore(checkpoint) == {}
    assert before_restore(checkpoint, name="copy") == {}
    operator.remove(looper)
    assert before_restore(checkpoint) == {}


@both_hosts
def test_a_lock_on_a_file_is_foreseen_cured_by_its_option_and_kept_in_mind(site, operator):
    holder = holder_of_a_lock(site)
    assert before_checkpoint(holder) == {"file-locks": "block"}
    assert before_checkpoint(holder, file_locks=True) == {}
    refused = operator.ended(operator.request_checkpoint(holder))
    assert (refused.state, refused.failure, refused.commands) == ("failed", "foreseen", [])
    assert refused.result["option"] == "file_locks"
    checkpoint = operator.checkpoint(holder, file_locks=True)
    assert before_restore(checkpoint) == {"locks-lost": "warn"}
    assert before_restore(checkpoint, file_locks=True) == {}


def test_what_would_lose_a_workload_is_refused_before_anything_is_stopped(site, operator):
    for name, flag, key in (
        ("gone", "--rm", "auto-remove"),
        ("shared", "--ipc=host", "host-ipc"),
        ("mapped", "--userns=auto", "user-namespace"),
    ):
        try:
            container = run(site, operator, name, flag)
        except AssertionError as error:
            assert name == "mapped", error  # this machine may have no subordinate IDs
            continue
        assert before_checkpoint(container)[key] == "block"
        refused = operator.ended(operator.request_checkpoint(container, forced=True))
        assert (refused.failure, refused.commands, site.state(name)) == ("foreseen", [], "running")


def test_an_exec_session_and_a_path_of_the_host_are_told(site, operator, tmp_path):
    looper = run(site, operator, "looper", f"--volume={tmp_path}:/data")
    site.podman("exec", "--detach", "looper", "sleep", "1000")
    assert before_checkpoint(looper) == {"exec": "warn", "binds": "warn"}
    checkpoint = operator.checkpoint(looper)
    assert before_restore(checkpoint) == {}
    (tmp_path / "later").write_text("x")
    assert before_restore(checkpoint) == {"bind-changed": "warn"}
    operator.remove(looper)
    (tmp_path / "later").unlink()
    tmp_path.rmdir()
    assert before_restore(checkpoint) == {"bind-missing": "block"}


def test_a_watch_on_the_image_and_a_large_deleted_file_are_foreseen(site, operator):
    code = (
        "import ctypes, time, os; libc = ctypes.CDLL(None); fd = libc.inotify_init(); "
        "libc.inotify_add_watch(fd, b'/usr', 2); f = open('/big', 'wb'); f.write(b'x' * 3000000); f.flush(); "
        "os.unlink('/big'); print('ready', flush=True); time.sleep(9999)"
    )
    image = images.build(site, "python")
    container = run_image(site, operator, "watcher", image, "python3", "-c", code)
    wait_for(lambda: site.podman("logs", "watcher") == "ready\n", "it is ready")
    assert before_checkpoint(container) == {"inotify": "block", "ghost-file": "block"}
    failed = operator.ended(operator.request_checkpoint(container, forced=True))
    assert failed.state == "failed" and failed.commands and failed.cause and site.state("watcher") == "running"


def run_image(site, operator, name, image, *command, flags=()):
    from containers_app.models import Container

    site.podman("run", "--detach", "--name", name, *site.limits, *flags, image, *command)
    return wait_for(Container.objects.filter(name=name, removed_at=None, state="running").first, f"{name} is seen")


@pytest.fixture
def impatient(site):
    """A worker that gives a dump three seconds."""
    site.restart_worker(FREEZEFRAME_DUMP_SECONDS="3")
    yield
    site.restart_worker()


def test_a_stopped_process_blocks_and_a_hang_ends_with_the_container_running(site, operator, impatient):
    looper = operator.create("looper", f"sleep 1000 & {LOOP}")
    numbers(site, "looper")
    os.kill(sleeper(looper), signal.SIGSTOP)
    assert before_checkpoint(looper) == {"stopped-process": "block"}
    refused = operator.ended(operator.request_checkpoint(looper))
    assert (refused.failure, refused.commands) == ("foreseen", [])
    last = int(site.logs("looper")[-1])
    hung = operator.ended(operator.request_checkpoint(looper, forced=True), seconds=120)
    assert hung.state == "failed" and site.state("looper") == "running"
    assert not cgroup.frozen(fresh(looper).pid, looper.container_id)
    wait_for(lambda: int(site.logs("looper")[-1]) > last + 3, "it counts on")
    assert "CRIU hung and was ended" in hung.summary and hung.remedy
    os.kill(sleeper(looper), signal.SIGCONT)
    operator.checkpoint(looper)


def sleeper(container):
    """This machine's number of the container's `sleep 1000`."""
    pids = cgroup.pids(fresh(container).pid, container.container_id)
    return next(int(pid) for pid in pids if b"sleep\x001000" in Path(f"/proc/{pid}/cmdline").read_bytes())


def test_fifty_processes_with_a_gigabyte_are_looked_at_without_disturbing_them(site, operator, record_property):
    code = (
        "import os, time; kept = bytearray(os.urandom(1 << 20) * 20); "
        "[os.fork() or (time.sleep(9999)) for _ in range(49)]; own = bytearray(1 << 30); print('ready', flush=True); "
        "time.sleep(9999)"
    )
    container = run_image(site, operator, "many", images.build(site, "python"), "python3", "-c", code)
    wait_for(lambda: "ready" in site.podman("logs", "many"), "it is ready")
    looked = timed(lambda: before_checkpoint(container))
    record_property("checkpoint", looked)
    assert before_checkpoint(container) == {} and looked < 1
    checkpoint = operator.checkpoint(operator.create("looper"))
    looked = timed(lambda: before_restore(checkpoint, name="copy"))
    record_property("restore", looked)
    assert looked < 1
    assert not cgroup.frozen(container.pid, container.container_id) and site.state("many") == "running"


def timed(look):
    """Seconds of the fastest of three: what another process of this machine takes is not its own."""
    times = []
    for _ in range(3):
        began = time.monotonic()
        look()
        times.append(time.monotonic() - began)
    return round(min(times), 3)


def test_what_is_in_the_way_of_a_restore_is_foreseen_and_cured(site, operator):
    taken = [f"--publish=127.0.0.1:{_free_port()}:80", f"--ip={site.subnet}.88"]
    container = run(site, operator, "wanted", *taken, "--volume=ff-kept:/data")
    checkpoint = operator.checkpoint(container)
    assert before_restore(checkpoint) == {}
    squatter = run(site, operator, "squatter", *taken)
    assert before_restore(checkpoint) == {"port-taken": "block", "address-taken": "block"}
    refused = operator.ended(operator.request_restore(checkpoint))
    assert (refused.failure, refused.commands) == ("foreseen", [])
    failed = operator.ended(operator.request_restore(checkpoint, forced=True))
    assert failed.state == "failed" and failed.cause and fresh(container).checkpointed, (
        "in place it can still be restored"
    )
    operator.remove(container)
    foreseen = {"port-taken": "block", "address-taken": "block", "volume-exists": "block"}
    assert before_restore(checkpoint) == foreseen
    assert before_restore(checkpoint, name="other") == foreseen, "a new name frees neither"
    refused = operator.ended(operator.request_restore(checkpoint))
    assert (refused.failure, refused.commands) == ("foreseen", [])
    cured = {"name": "other", "ignore_static_ip": True, "ignore_volumes": True}
    cured["publish"] = [f"127.0.0.1:{_free_port()}:80"]
    assert before_restore(checkpoint, **cured) == {"volume-kept": "warn"}
    assert operator.restore(checkpoint, **cured).running
    assert before_restore(checkpoint, name="another one") == {"input": "block"}
    copies = [RestoreOptions(name=f"copy-{number}", publish=squatter.ports) for number in (1, 2)]
    assert before_copies(checkpoint, *copies) == {**foreseen, "copies-alike": "warn"}
    site.podman("rm", "--all", "--force", "--time", "0")
    site.podman("volume", "rm", "ff-kept")
    assert before_copies(checkpoint, *copies) == {"volume-once": "block", "copies-alike": "warn"}


GROWS = (
    "import os, time; kept = bytearray(os.urandom(1 << 20) * 20); [os.fork() or time.sleep(9999) for _ in range(5)]; "
    "print('ready', flush=True)\n"
    "while not os.path.exists('/grow'): time.sleep(0.1)\n"
    "more = bytearray(os.urandom(1 << 20) * 80); print('grown', flush=True); time.sleep(9999)"
)


def test_a_memory_limit_and_cpus_are_held_against_what_comes_back(site, operator):
    """Memory in common comes back within a limit that is smaller than the dump; a process that is larger does not."""
    image = images.build(site, "python")
    flags = ["--memory=64m", "--cpuset-cpus=0"]
    container = run_image(site, operator, "limited", image, "python3", "-c", GROWS, flags=flags)
    wait_for(lambda: "ready" in site.podman("logs", "limited"), "it is ready")
    common = operator.checkpoint(container, mode="copy")
    assert sum(member["size"] for member in common.members if "/pages-" in member["name"]) > 100 << 20
    assert common.facts["cpus"] == "0"
    assert before_restore(common, name="copy") == {"memory-limit": "warn"}
    assert operator.restore(common, name="copy").running
    site.podman("rm", "--force", "--time", "0", "copy")
    group = f"/sys/fs/cgroup/memory/libpod_parent/libpod-{container.container_id}"
    for name in ("memory.memsw.limit_in_bytes", "memory.limit_in_bytes"):  # raised while it runs, as people do
        if Path(group, name).exists():
            Path(group, name).write_text(str(512 << 20))
    site.podman("exec", "limited", "python3", "-c", "open('/grow', 'w')")
    wait_for(lambda: "grown" in site.podman("logs", "limited"), "it has grown")
    grown = operator.checkpoint(container)
    assert before_restore(grown, name="copy") == {"memory-limit": "block"}
    failed = operator.ended(operator.request_restore(grown, name="copy", forced=True))
    assert failed.state == "failed" and failed.cause and "killed" in failed.criu_log
    assert before_restore(grown) == {"memory-limit": "block"}, "in place it is held to the same"


def test_a_connection_wants_the_address_that_it_is_bound_to(site, operator):
    with socket.create_server(("0.0.0.0", 0)) as server:
        code = (
            f"import socket, time; c = socket.create_connection(('{site.subnet}.1', {server.getsockname()[1]})); "
            "print('ready', flush=True); time.sleep(9999)"
        )
        client = run_image(site, operator, "client", images.build(site, "python"), "python3", "-c", code)
        with server.accept()[0]:
            checkpoint = operator.checkpoint(client, tcp_established=True)
            assert before_restore(checkpoint, tcp_established=True) == {}
            assert before_restore(checkpoint, tcp_established=True, name="other") == {"tcp-address": "block"}
            lost = operator.request_restore(checkpoint, tcp_established=True, name="other", forced=True)
            assert "address" in operator.ended(lost).cause
            operator.remove(client)
            assert before_restore(checkpoint, tcp_established=True) == {}
            assert operator.restore(checkpoint, tcp_established=True).running


def test_another_cpu_is_told_from_this_one_by_criu_itself(site, operator):
    checkpoint = operator.checkpoint(operator.create("looper"))
    image = base64.b64decode(checkpoint.facts["cpu_image"])
    others = (image[:place] + b"\x7f" + image[place + 1 :] for place in range(12, len(image)) if image[place] < 0x7F)
    other = next(other for other in map(base64.b64encode, others) if "capabilities" in refuses_cpu(other))
    assert refuses_cpu(base64.b64encode(image)) == ""
    Checkpoint.objects.filter(pk=checkpoint.pk).update(facts={**checkpoint.facts, "cpu_image": other.decode()})
    operator.remove(checkpoint.container)
    assert before_restore(checkpoint) == {"cpu": "block"}


def refuses_cpu(image):
    return criu.refuses_cpu(image.decode(), tools_dir="/opt/freezeframe/bin")


def test_a_restore_without_its_image_or_its_network_is_foreseen(site, operator):
    site.podman("network", "create", "ff-gone")
    checkpoint = operator.checkpoint(run(site, operator, "lonely", "--network=ff-gone"))
    operator.remove(checkpoint.container)
    site.podman("network", "rm", "ff-gone")
    kept = KeptImage.objects.filter(image_id=checkpoint.image_id)
    wait_for(kept.first, "its image is kept")
    site.podman("rmi", "--all", "--force")
    assert before_restore(checkpoint) == {"network-missing": "block"}
    kept.delete()
    assert before_restore(checkpoint) == {"image-missing": "block", "network-missing": "block"}
    refused = operator.ended(operator.request_restore(checkpoint, forced=True))
    assert (refused.failure, refused.commands) == ("foreseen", [])
