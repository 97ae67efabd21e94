"""The main job on real Podman, runc, CRIU, Redis and Celery: the counting goes on where it stopped."""

import pytest

from containers_app.models import AuditEvent, Container, Operation
from containers_app.services import lifecycle
from tests.live.conftest import LOOP, both_hosts, fresh, numbers
from tests.live.site import wait_for

pytestmark = [pytest.mark.live, both_hosts]


def counted(site, name, before):
    """All numbers of `name` once more than `before` are there; each follows the one before it."""
    found = numbers(site, name, at_least=len(before) + 3)
    assert [int(number) for number in found] == list(range(len(found)))
    return found


def test_what_is_inside_was_seen_on_the_way(site, operator):
    looper = operator.create("looper")
    numbers(site, "looper", at_least=2)
    seen = operator.checkpoint(looper).inspection.facts
    shell, *others = seen["processes"]
    assert (shell["pid"], shell["comm"], shell["state"]) == (1, "sh", "alive") and shell["dumped_bytes"] > 0
    assert all(process["ppid"] == 1 for process in others)
    assert seen["mounts"] and "pipe" in [file["type"] for file in seen["files"]]
    assert (seen["engine"], seen["unreadable"], seen["more"]) == ("podman", [], {})


def test_the_sample_runs_and_counts(site, operator):
    operation = operator.done(lifecycle.request_sample(by=operator.by, host=operator.host))
    assert operation.container.state == "running"
    numbers(site, operation.container.name, at_least=2)


def test_a_checkpoint_stops_the_counting_and_a_restore_goes_on_with_the_next_number(site, operator):
    looper = operator.create("looper")
    numbers(site, "looper", at_least=3)
    checkpoint = operator.checkpoint(looper)
    before = site.logs("looper")
    assert site.state("looper") == "exited" and fresh(looper).checkpointed
    assert site.logs("looper") == before
    assert checkpoint.statistics["pages_written"] > 0 and checkpoint.statistics["frozen_time"] > 0
    assert (site.store / f"{checkpoint.archive_sha256}.tar.zst").stat().st_size == checkpoint.archive_bytes

    restored = operator.restore(checkpoint)
    after = counted(site, "looper", before)
    assert int(after[len(before)]) == int(before[-1]) + 1
    assert restored == looper and fresh(looper).restored_from == checkpoint


def test_left_running_it_counts_on_and_the_archive_holds_an_earlier_number(site, operator):
    looper = operator.create("looper")
    numbers(site, "looper", at_least=3)
    checkpoint = operator.checkpoint(looper, mode="keep_running")
    assert site.state("looper") == "running"
    counted(site, "looper", site.logs("looper"))
    archived = len(site.logs("looper"))
    copy = operator.restore(checkpoint, name="looper-copy")
    # Podman reads the log after the processes have gone on: it may be some numbers ahead of the memory.
    own = [int(number) for number in numbers(site, "looper-copy", at_least=archived + 5)][-4:]
    assert own == list(range(own[0], own[0] + 4))
    assert copy.name == "looper-copy" and copy != looper


def test_a_checkpoint_is_restored_under_another_name_beside_the_original(site, operator):
    looper = operator.create("looper")
    numbers(site, "looper", at_least=3)
    checkpoint = operator.checkpoint(looper)
    before = site.logs("looper")
    operator.restore(checkpoint, name="second")
    operator.restore(checkpoint, name="third")
    for name in ("second", "third"):
        assert int(counted(site, name, before)[len(before)]) == int(before[-1]) + 1
    assert site.state("looper") == "exited"
    assert Container.objects.get(name="second", removed_at=None).restored_from == checkpoint


def test_a_checkpoint_outlives_its_container(site, operator):
    looper = operator.create("looper")
    numbers(site, "looper", at_least=3)
    checkpoint = operator.checkpoint(looper)
    before = site.logs("looper")
    operator.remove(looper)
    assert site.state("looper") == "gone" and fresh(looper).removed_at
    restored = operator.restore(checkpoint)
    after = counted(site, "looper", before)
    assert int(after[len(before)]) == int(before[-1]) + 1
    assert restored == looper and restored.removed_at is None


def test_the_history_tells_the_story_with_the_exact_commands(site, operator):
    looper = operator.create("looper")
    checkpoint = operator.checkpoint(looper)
    operator.restore(checkpoint)
    operator.kill(looper)
    operator.remove(looper)
    events = AuditEvent.objects.filter(container=looper, result="done").order_by("pk")
    assert [event.action for event in events] == [
        "container.created", "checkpoint.taken", "checkpoint.restored", "container.killed", "container.removed",
    ]  # fmt: skip
    assert all(event.actor_name == "operator" and event.commands for event in events)
    assert "checkpoint" in events[1].commands[0] and "restore" in events[2].commands[0]


def test_what_is_done_past_the_pages_is_seen_by_the_watcher(site, operator):
    looper = operator.create("looper")
    site.podman("pause", "looper")
    wait_for(lambda: fresh(looper).state == "paused", "the watcher sees the pause")
    site.podman("unpause", "looper")
    wait_for(lambda: fresh(looper).state == "running", "the watcher sees it run")
    site.podman("rm", "--force", "--time", "0", "looper")
    wait_for(lambda: fresh(looper).removed_at, "the watcher sees it gone")


def test_pressing_twice_runs_podman_once(site, operator):
    looper = operator.create("looper")
    operation = operator.request_checkpoint(looper)
    from celery import current_app

    for _ in range(3):
        current_app.send_task("containers_app.tasks.run_operation", args=[operation.pk], queue=f"host.{site.host_name}")
    operator.done(operation)
    wait_for(lambda: not Operation.objects.filter(state__in=Operation.UNFINISHED).exists(), "all is quiet")
    assert looper.checkpoints.count() == 1
    assert len(Operation.objects.get(pk=operation.pk).commands) == 1


def test_the_environment_reaches_the_container_and_nothing_else(site, operator):
    looper = operator.create("looper", env=["COLOUR=ice blue", "TOKEN=hush=hush"])
    assert site.podman("exec", "looper", "/bin/sh", "-c", "echo $COLOUR $TOKEN") == "ice blue hush=hush\n"
    event = AuditEvent.objects.get(container=looper, action="container.created")
    assert "hush" not in f"{event.commands}{event.details}{looper.operations.get().options}"


def test_every_verb_does_what_it_says(site, operator):
    looper = operator.create("looper", f"trap 'exit 0' TERM; {LOOP}")
    for kind, state in (("pause", "paused"), ("unpause", "running"), ("restart", "running"), ("stop", "exited"),
                        ("start", "running"), ("kill", "exited"), ("remove", "gone")):  # fmt: skip
        operation = lifecycle.request_act(by=operator.by, container=fresh(looper), kind=kind)
        assert operator.done(operation).summary.startswith("looper was ")
        # Podman says "stopped" until its own clean-up makes it "exited".
        wait_for(lambda wanted=state: site.state("looper") == wanted, f"Podman says {state}")
        shown = "removed" if state == "gone" else state
        wait_for(lambda wanted=shown: fresh(looper).state == wanted, f"the inventory says {shown}")
