"""Every step of a container's life on real Podman: what each verb says it does, it does."""

import json
import urllib.request
import uuid
from pathlib import Path

import pytest
import redis

from containers_app.models import AuditEvent, Container
from containers_app.services import bulk, doorbell, executions, lifecycle
from tests.live.conftest import LOOP, fresh, numbers
from tests.live.site import wait_for
from tests.live.test_streams import session_of

pytestmark = pytest.mark.live

LIMITS = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024", "--runtime=runc"]


def act(operator, container, kind, **options):
    return operator.done(lifecycle.request_act(by=operator.by, container=fresh(container), kind=kind, **options))


def created(site, operator, name, *flags, command=LOOP):
    """A container that was created and never started, as the inventory sees it."""
    operator.sample_image()
    site.podman("create", "--name", name, *LIMITS, *flags, lifecycle.SAMPLE_IMAGE, "/bin/sh", "-c", command)
    return wait_for(Container.objects.filter(name=name, removed_at=None).first, f"{name} is seen")


def run(operator, container, command, **values):
    """An exec, ended; whatever came of it."""
    return operator.ended(
        executions.request_exec(by=operator.by, container=fresh(container), command=command, **values)
    )


def test_mounted_then_initialized_then_started(site, operator):
    looper = created(site, operator, "looper")
    operation = act(operator, looper, "mount")
    where = Path(fresh(looper).mount_point)
    assert (where / "bin" / "sh").is_file() and str(where) in operation.summary
    assert operation.commands[0][-2:] == ["mount", looper.container_id]

    act(operator, looper, "init")
    assert fresh(looper).state == "initialized" and site.logs("looper") == []
    act(operator, looper, "start")
    assert fresh(looper).state == "running"
    numbers(site, "looper", at_least=2)
    actions = AuditEvent.objects.filter(container=looper, result="done").order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["container.mounted", "container.initialized", "container.started"]


def test_unmounted_it_is_mounted_no_more(site, operator):
    looper = created(site, operator, "looper")
    act(operator, looper, "mount")
    where = Path(fresh(looper).mount_point)
    act(operator, looper, "unmount")
    assert fresh(looper).mount_point == "" and not (where / "bin").exists()


def test_a_running_one_is_mounted_and_is_not_unmounted(site, operator):
    looper = operator.create("looper")
    assert (Path(fresh(looper).mount_point) / "bin").is_dir()
    with pytest.raises(lifecycle.Conflict):
        lifecycle.request_act(by=operator.by, container=fresh(looper), kind="unmount")
    Container.objects.filter(pk=looper.pk).update(state="exited")  # the agent asks Podman again
    operation = operator.ended(lifecycle.request_act(by=operator.by, container=fresh(looper), kind="unmount"))
    assert operation.state == "failed" and not operation.commands and "is running" in operation.summary


def test_renamed_it_keeps_its_id_and_its_memory(site, operator):
    looper = operator.create("looper")
    numbers(site, "looper", at_least=2)
    operation = operator.done(lifecycle.request_rename(by=operator.by, container=fresh(looper), name="cache"))
    assert fresh(looper).name == "cache" and site.state("looper") == "gone" and site.state("cache") == "running"
    assert operation.summary == "looper is now called cache."
    event = AuditEvent.objects.get(container=looper, action="container.renamed")
    assert event.sentence == "renamed looper to cache" and event.commands[0][-3:] == [
        "rename", looper.container_id, "cache",
    ]  # fmt: skip


def test_a_trapped_signal_leaves_it_alive_and_kill_does_not(site, operator):
    looper = operator.create("looper", f"trap 'echo caught' USR1; {LOOP}")
    numbers(site, "looper", at_least=2)
    operation = act(operator, looper, "kill", signal="USR1")
    assert operation.summary == "USR1 was sent to looper: it is running."
    wait_for(lambda: "caught" in site.logs("looper"), "the trap runs")
    assert site.state("looper") == "running" and operation.commands[0][-3:-1] == ["--signal", "USR1"]
    act(operator, looper, "kill")
    wait_for(lambda: fresh(looper).state == "exited", "it has ended")


def test_a_running_one_is_removed_by_force_with_its_anonymous_volumes(site, operator):
    looper = created(site, operator, "looper", "--volume=/data")
    volumes = site.podman("volume", "ls", "--quiet").split()
    act(operator, looper, "start")
    operation = act(operator, looper, "remove", force=True, volumes=True)
    assert site.state("looper") == "gone" and fresh(looper).removed_at
    assert len(site.podman("volume", "ls", "--quiet").split()) == len(volumes) - 1
    assert operation.commands[0][-4:-1] == ["rm", "--force", "--volumes"]


def test_a_command_gives_its_output_and_its_exit_code(site, operator):
    looper = operator.create("looper")
    good = run(operator, looper, ["/bin/sh", "-c", "pwd; echo err >&2"], workdir="/tmp")
    assert (good.state, good.result["exit_code"]) == ("succeeded", 0) and sorted(good.output.split()) == ["/tmp", "err"]
    bad = run(operator, looper, ["/bin/sh", "-c", "echo no; exit 3"])
    assert bad.summary == "/bin/sh ended with exit code 3." and bad.output == "no\n"
    who = run(operator, looper, ["/bin/sh", "-c", "id -u; echo $0 $1", "a b", "$HOME"], user="12:34")
    assert who.output == "12\na b $HOME\n", "arguments stay as they are: no shell of ours reads them"
    assert AuditEvent.objects.filter(container=looper, action="command.executed").count() == 3


def test_a_command_that_is_not_there_fails_with_podmans_words(operator):
    operation = run(operator, operator.create("looper"), ["nosuch"])
    assert operation.state == "failed" and "not found" in f"{operation.summary} {operation.output}"


def test_a_command_that_hangs_is_ended_inside_the_container_and_what_it_wrote_is_kept(site, operator):
    looper = operator.create("looper")
    operation = run(operator, looper, ["/bin/sh", "-c", "echo begun; sleep 1234"], seconds=2)
    assert operation.state == "failed" and "did not end within 2 s" in operation.summary
    assert "begun" in operation.output
    assert "1234" not in site.podman("top", "looper", "args")
    assert site.state("looper") == "running"


def test_a_command_that_never_stops_writing_is_bounded(operator):
    operation = run(
        operator, operator.create("looper"), ["/bin/sh", "-c", "while :; do echo yyyyyyyy; done"], seconds=2
    )
    assert operation.state == "failed" and 1000 < len(operation.output) <= 64 * 1024


def test_what_it_uses_is_sampled_and_moves(site, operator):
    looper = operator.create("looper", "while :; do :; done")
    first = wait_for(lambda: used(site, looper), "the first sample")
    later = wait_for(
        lambda: (now := used(site, looper)) and now["cpu_seconds"] > first["cpu_seconds"] and now,
        "a later sample",
    )
    assert later["memory_bytes"] > 0 and later["pids"] == 1 and later["cpu_percent"] > 1
    assert get(site, operator, f"/containers/{looper.pk}/stats/").count("<tr>") == 0  # nobody has looked until now
    listed = wait_for(lambda: used(site, looper).get("processes"), "its processes")
    assert listed[0]["pid"] == 1 and "while" in listed[0]["command"]


def used(site, container):
    """What the watcher has last said of it; the site's Redis is not the one of this process's settings."""
    client = redis.Redis(unix_socket_path=str(site.data / "run" / "redis.sock"))
    sample = json.loads(client.get(f"{doorbell.USAGE}{container.host_id}") or "{}")
    return sample.get(str(container.pk), {})


def get(site, operator, path):
    request = urllib.request.Request(f"{site.url}{path.lstrip('/')}", headers={"Cookie": session_of(operator.by.user)})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read().decode()


def test_the_whole_log_is_downloaded_however_long_it_is(site, operator):
    looper = operator.create("looper", f"seq 0 29999; {LOOP}")
    wait_for(lambda: len(site.logs("looper")) > 30000, "it has written")
    path = f"/containers/{looper.pk}/log/download/"
    lines = get(site, operator, path).split("\n")
    assert lines[:30000] == [str(number) for number in range(30000)]
    assert len(get(site, operator, f"{path}?tail=7").split()) == 7
    assert get(site, operator, f"{path}?q=2999&timestamps=on").split("\n")[0].endswith(" 2999")
    assert get(site, operator, f"{path}?since=2100-01-01") == ""


def test_a_prune_removes_what_does_not_run_and_nothing_else(site, operator):
    looper, ended = operator.create("looper"), created(site, operator, "ended")
    operation = operator.done(bulk.request_prune(by=operator.by, host=operator.host))
    assert operation.summary == "1 container removed: ended." and fresh(ended).removed_at
    assert site.state("looper") == "running" and fresh(looper).removed_at is None
    assert operation.commands[0][-3:] == ["container", "prune", "--force"]


def test_twenty_loopers_are_killed_by_one_press_and_removed_by_another(site, operator):
    operator.sample_image()
    for number in range(20):
        name = f"many-{number}"
        site.podman("run", "--detach", "--name", name, *LIMITS, lifecycle.SAMPLE_IMAGE, "/bin/sh", "-c", LOOP)
    wait_for(lambda: Container.objects.filter(removed_at=None, state="running").count() == 20, "all are seen")
    key = uuid.uuid4()
    for _ in range(2):
        rows = list(Container.objects.select_related("host").filter(name__startswith="many-", removed_at=None))
        made = bulk.request_bulk(by=operator.by, kind="kill", containers=rows, request_key=key)
    assert len(made) == 20
    for operation in made:
        operator.done(operation)
    wait_for(lambda: Container.objects.filter(removed_at=None, state="exited").count() == 20, "all have ended")
    rows = list(Container.objects.select_related("host").filter(name__startswith="many-", removed_at=None))
    made = bulk.request_bulk(by=operator.by, kind="remove", containers=rows, request_key=uuid.uuid4())
    assert [operator.done(operation).kind for operation in made] == ["remove"] * 20
    assert not Container.objects.filter(removed_at=None).exists()
