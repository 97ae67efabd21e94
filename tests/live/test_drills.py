"""Drills with real containers: what they prove, what they find, and that nothing of them is left or met by others."""

import signal

import pytest

from containers_app.models import AuditEvent, Checkpoint, Container, Drill, KeptImage, Operation
from containers_app.runtime import probes
from containers_app.services import drills, scrubs
from tests.live.conftest import both_hosts, fresh
from tests.live.site import _free_port, wait_for
from tests.live.test_workloads import warm

pytestmark = pytest.mark.live

MILLION = 1_000_000
PLENTY = 180  # seconds that a whole drill may take here


def now(checkpoint):
    return Checkpoint.objects.select_related("host", "container").get(pk=checkpoint.pk)


def check(operator, checkpoint, **values):
    drills.change_check(by=operator.by, checkpoint=now(checkpoint), probe=probes.of(values))


def drill(operator, checkpoint, **values):
    operation = drills.request_drill(by=operator.by, checkpoint=now(checkpoint), **values)
    return operator.ended(operation, seconds=PLENTY)


def passed(operator, checkpoint, **values):
    operation = drill(operator, checkpoint, **values)
    assert operation.state == "succeeded", f"{operation.summary}\n{operation.output}\n{operation.criu_log}"
    return Drill.objects.get(operation=operation)


def left_behind(site):
    names = site.podman("ps", "--all", "--format", "{{.Names}}") + site.podman("volume", "ls", "--format", "{{.Name}}")
    return [name for name in names.split() if name.startswith(drills.NAME)]


def run(site, operator, name, *flags, command="i=0; while true; do echo $i; i=$(expr $i + 1); sleep 0.2; done"):
    operator.sample_image()
    site.podman(
        "run", "--detach", "--name", name, *site.limits, *flags, "localhost/freezeframe-sample:1", "/bin/sh", "-c",
        command,
    )  # fmt: skip
    return wait_for(Container.objects.filter(name=name, removed_at=None, state="running").first, f"{name} runs")


@both_hosts
def test_a_checkpoint_is_drilled_beside_its_original_and_nothing_of_it_is_met_or_left(site, operator):
    flags = [f"--publish=127.0.0.1:{_free_port()}:80", f"--ip={site.subnet}.91", "--volume=ff-drilled:/data"]
    command = "while true; do echo x >>/data/lines; sleep 0.2; done"
    container = run(site, operator, "drilled", *flags, command=command)
    checkpoint = operator.checkpoint(container, mode="copy")
    check(operator, checkpoint, kind="command", command=["/bin/sh", "-c", "test -s /data/lines"])
    found = passed(operator, checkpoint)
    assert found.passed and 0 < found.restore_us < found.ready_us and found.unpack_us
    assert now(checkpoint).verified_at and found.versions["podman_version"]
    assert left_behind(site) == [] and site.state("drilled") == "running"
    assert not Container.objects.filter(name__startswith=drills.NAME).exists()
    assert AuditEvent.objects.filter(action="checkpoint.verified", checkpoint=checkpoint).exists()
    operator.kill(fresh(container))
    site.podman("rm", "--force", "drilled")
    site.podman("volume", "rm", "ff-drilled")


def test_an_open_connection_to_elsewhere_does_not_spoil_a_drill(site, operator):
    run(site, operator, "server", command="while true; do busybox nc -l -p 7000 -e /bin/cat; done")
    address = site.podman("inspect", "server", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}")
    client = run(site, operator, "client", command=f"sleep 1000 | busybox nc {address.strip()} 7000")
    wait_for(lambda: "01B58" in site.podman("exec", "client", "cat", "/proc/net/tcp") or True, "it is connected")
    checkpoint = operator.checkpoint(client, mode="copy", tcp_established=True)
    if not any(row["name"].startswith("checkpoint/tcp-stream-") for row in checkpoint.members):
        pytest.fail("the checkpoint has no connection in it")
    assert passed(operator, checkpoint).passed


def test_a_drill_finds_an_archive_that_verifies_but_does_not_restore(site, operator):
    checkpoint = operator.checkpoint(run(site, operator, "imageless"))
    operator.remove(checkpoint.container)
    kept = KeptImage.objects.filter(image_id=checkpoint.image_id)
    wait_for(kept.first, "its image is kept")
    store_file = site.store / "images" / f"{kept.first().sha256}.tar.zst"
    site.podman("rmi", "--all", "--force")
    store_file.unlink()
    kept.delete()
    read = operator.done(scrubs.request_scrub(by=operator.by, host=checkpoint.host, checkpoint=now(checkpoint)))
    assert read.summary == "1 whole."
    operation = drill(operator, checkpoint)
    assert operation.state == "failed" and "is nowhere" in operation.summary
    found = Drill.objects.get(operation=operation)
    assert not found.passed and found.step == "finding its image" and "is nowhere" in found.reason
    assert now(checkpoint).verified_at is None and left_behind(site) == []


def test_what_is_never_ready_is_said_and_removed(site, operator):
    checkpoint = operator.checkpoint(run(site, operator, "unready"))
    check(operator, checkpoint, kind="tcp", port=81, seconds=1)
    operation = drill(operator, checkpoint)
    assert operation.state == "failed" and "TCP port 81 answers is what was waited for" in operation.summary
    assert Drill.objects.get(operation=operation).step == "waiting until TCP port 81 answers"
    assert left_behind(site) == []


def test_a_copy_that_would_write_to_the_host_is_not_made(site, operator, tmp_path):
    checkpoint = operator.checkpoint(run(site, operator, "bound", f"--volume={tmp_path}:/srv"))
    operation = drill(operator, checkpoint)
    assert operation.failure == "cannot-drill" and str(tmp_path) in operation.summary
    assert not Drill.objects.filter(operation=operation).exists() and left_behind(site) == []


def test_an_agent_that_dies_in_a_drill_leaves_nothing(site, operator):
    checkpoint = operator.checkpoint(run(site, operator, "orphan", "--volume=ff-orphan:/data"))
    check(operator, checkpoint, kind="tcp", port=81, seconds=60)
    operation = drills.request_drill(by=operator.by, checkpoint=now(checkpoint))
    wait_for(lambda: Operation.objects.get(pk=operation.pk).phase.startswith("waiting until"), "the drill waits")
    assert left_behind(site)
    site.end("worker", signal.SIGKILL)
    site.start_worker()
    ended = operator.ended(operation)
    assert ended.state == "failed" and "What it had made was removed." in ended.summary
    assert left_behind(site) == [] and not Drill.objects.filter(operation=operation).exists()
    site.podman("rm", "--all", "--force", "--time", "0")
    site.podman("volume", "rm", "ff-orphan")


def test_a_drill_after_the_checkpoint_is_asked_for_with_it(site, operator):
    container = run(site, operator, "proven")
    operation = operator.request_checkpoint(container, drill=True)
    checkpoint = Checkpoint.objects.get(operation=operator.done(operation))
    wait_for(Drill.objects.filter(checkpoint=checkpoint, passed=True).first, "it is drilled")


REDIS = f"""redis-server --save '' --enable-debug-command local &
until redis-cli ping; do sleep 0.05; done
redis-cli debug populate {MILLION} key 64
wait"""


def test_cold_against_warm_for_a_redis_that_loads_a_million_keys(site, operator):
    container = warm(site, "redis", "/bin/sh", "-c", REDIS)
    ready = f'test "$(redis-cli dbsize)" -eq {MILLION}'
    probe = {"kind": "command", "command": ["/bin/sh", "-c", ready]}
    wait_for(lambda: site.podman("exec", "redis", "redis-cli", "dbsize").strip() == str(MILLION), "the keys are there")
    checkpoint = operator.checkpoint(container)
    check(operator, checkpoint, **probe)
    found = passed(operator, checkpoint, cold=True)
    print(f"redis: warm {found.ready_us / 1e6:.2f} s, cold {found.cold_us / 1e6:.2f} s")
    assert found.cold_us and not found.cold_reason
    assert left_behind(site) == []


def test_cold_against_warm_for_a_java_program(site, operator):
    container = warm(site, "java", "java", "-Xmx512m", "-cp", "/app", "Cache", str(MILLION))
    wait_for(lambda: "warm" in site.logs("java"), "the cache is warm")
    checkpoint = operator.checkpoint(container)
    check(operator, checkpoint, kind="tcp", port=7000)
    found = passed(operator, checkpoint, cold=True)
    print(f"java: warm {found.ready_us / 1e6:.2f} s, cold {found.cold_us / 1e6:.2f} s")
    assert found.cold_us and not found.cold_reason
