"""The three modes of a checkpoint: what becomes of the container, and whether memory and files agree in the archive."""

import signal

import pytest

from containers_app.models import AuditEvent, Checkpoint, Operation
from tests.live.conftest import both_hosts, numbers
from tests.live.site import wait_for

pytestmark = pytest.mark.live

COPIES = 20

# Counts in memory and in a file, in step, and says so when the two differ; now and then, that they agree.
IN_STEP = """
i=0; echo 0 > /counter
while true; do
  read f < /counter
  [ "$f" = "$i" ] || echo "differ $i $f"
  [ $(( i % 500 )) = 0 ] && echo "agree $i"
  i=$(( i + 1 )); echo $i > /counter
done
"""


def lines(site, container):
    return site.podman("logs", container).splitlines()


@both_hosts
def test_in_every_consistent_copy_memory_and_file_agree(site, operator):
    writer = operator.create("writer", IN_STEP)
    copies = []
    for _ in range(COPIES):
        before = len(lines(site, "writer"))
        copies.append(operator.checkpoint(writer, mode="copy"))
        wait_for(lambda: len(lines(site, "writer")) > before + 1, "the writer goes on after its copy")  # noqa: B023
    assert not any(line.startswith("differ") for line in lines(site, "writer"))
    for number, copy in enumerate(copies):
        name = operator.restore(copy, name=f"copy-{number}").name
        found = wait_for(lambda: len(all_lines := lines(site, name)) > 2 and all_lines, "the copy counts on")  # noqa: B023
        assert not [line for line in found if line.startswith("differ")]
        site.podman("rm", "--force", "--time", "0", name)
    assert all(0 < copy.pause < 60_000_000 for copy in copies)
    assert len({copy.archive_sha256 for copy in copies}) == COPIES


@both_hosts
def test_a_copy_says_how_long_it_stood_still(site, operator):
    looper = operator.create("looper")
    last = int(numbers(site, "looper", at_least=3)[-1])
    checkpoint = operator.checkpoint(looper, mode="copy")
    assert site.state("looper") == "running" and checkpoint.dumped_at is None
    assert f"It stood still for {checkpoint.pause / 1e6:.2f} s and runs again." in checkpoint.operation.summary
    assert checkpoint.pause > checkpoint.statistics["frozen_time"]
    assert [command[-2] for command in checkpoint.operation.commands][-1] == "--print-stats"
    assert [int(line) for line in numbers(site, "looper", at_least=last + 5)][: last + 5] == list(range(last + 5))


@pytest.fixture
def slow_restores(site, tmp_path):
    """A worker whose Podman waits before a restore for as long as `hold` is there, and fails it while `broken` is."""
    script, hold, broken = (tmp_path / name for name in ("podman", "hold", "broken"))
    script.write_text(
        "#!/bin/sh\n"
        f'case "$*" in *"container restore"*)\n'
        f'  [ ! -e {broken} ] || {{ rm {broken}; echo "Error: no luck today" >&2; exit 125; }}\n'
        f"  while [ -e {hold} ]; do sleep 0.1; done;;\n"
        'esac\nexec "$@"\n'
    )
    script.chmod(0o755)
    site.restart_worker(FREEZEFRAME_PODMAN=" ".join([str(script), *site.podman_command]))
    yield hold, broken
    hold.unlink(missing_ok=True)
    site.restart_worker()


def test_an_agent_killed_between_export_and_restore_loses_no_workload(site, operator, slow_restores):
    hold, _ = slow_restores
    looper = operator.create("looper")
    last = int(numbers(site, "looper", at_least=3)[-1])
    hold.touch()
    operation = operator.request_checkpoint(looper, mode="copy")
    wait_for(lambda: Operation.objects.get(pk=operation.pk).phase == "restoring in place", "it was exported")
    site.end("worker", signal.SIGKILL)
    site.start_worker()
    operation = operator.ended(operation)
    assert operation.state == "failed" and "was brought back from its own dump" in operation.summary
    assert site.state("looper") == "running" and int(numbers(site, "looper", at_least=last + 3)[-1]) > last
    assert not Checkpoint.objects.filter(operation=operation).exists()
    assert not list((site.store / "incoming").iterdir())


def test_a_copy_that_cannot_go_on_is_in_the_catalog_and_brought_back(site, operator, slow_restores):
    _, broken = slow_restores
    looper = operator.create("looper")
    last = int(numbers(site, "looper", at_least=3)[-1])
    broken.touch()
    operation = operator.ended(operator.request_checkpoint(looper, mode="copy"))
    assert operation.state == "failed" and "was brought back from its own dump" in operation.summary
    checkpoint = Checkpoint.objects.get(operation=operation)
    assert (
        checkpoint.pause is None
        and AuditEvent.objects.filter(action="checkpoint.taken", checkpoint=checkpoint).exists()
    )
    assert int(numbers(site, "looper", at_least=last + 3)[-1]) > last
    assert operator.restore(checkpoint, name="from-the-catalog").running


def test_kept_running_it_stands_still_only_for_the_dump(site, operator):
    looper = operator.create("looper")
    numbers(site, "looper", at_least=2)
    checkpoint = operator.checkpoint(looper, mode="keep_running")
    assert checkpoint.mode == "keep_running" and checkpoint.pause is None
    assert site.state("looper") == "running"
