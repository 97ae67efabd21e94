"""Rows for tests, with sensible defaults; every value can be overridden by keyword.

Knows models, and the function that appends events. What a test is about, it says itself; the rest comes from here.
"""

import itertools
import uuid
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.utils import timezone

from containers_app.access import RIGHTS
from containers_app.models import (
    AuditEvent,
    Checkpoint,
    Container,
    Host,
    Image,
    ImportReview,
    Inspection,
    Membership,
    Operation,
    Role,
    ServiceAccount,
    Tag,
    Team,
    Token,
)
from containers_app.services import audit, catalog, tokens

_numbers = itertools.count(1)

FACTS = {
    "podman_version": "4.3.1",
    "oci_runtime": "runc",
    "oci_runtime_version": "1.1.5",
    "criu_version": "4.2.1",
    "criu_path": "/opt/freezeframe/bin/criu",
    "kernel": "6.18.5",
    "architecture": "x86_64",
    "distribution": "debian 12",
    "cgroup_version": "v1",
    "cgroup_manager": "cgroupfs",
    "storage_driver": "overlay",
    "network_backend": "netavark",
    "ulimits": ["nofile=1024:1024", "nproc=1024:1024"],
}
READINESS = [
    {"key": "podman", "title": "Podman answers", "level": "ok", "detail": "Podman 4.3.1", "remedy": ""},
    {"key": "criu", "title": "CRIU works on this kernel", "level": "ok", "detail": "Looks good.", "remedy": ""},
    {
        "key": "store",
        "title": "The archive store takes archives",
        "level": "ok",
        "detail": "41,308 MiB free",
        "remedy": "",
    },
]
STATISTICS = {
    "freezing_time": 101_002,
    "frozen_time": 72_310,
    "memdump_time": 4_120,
    "memwrite_time": 912,
    "pages_scanned": 402,
    "pages_written": 35,
    "podman_checkpoint_duration": 331_000,
    "runtime_checkpoint_duration": 188_000,
}
LOOP = ["/bin/sh", "-c", "i=0; while true; do echo $i; i=$(expr $i + 1); sleep 1; done"]


def an_id():
    """64 hex digits that no other thing has."""
    return uuid.uuid4().hex * 2


def ago(**values):
    return timezone.now() - timedelta(**values)


def an_outsider(name=None, **values):
    """A person in no team."""
    name = name or f"outsider-{next(_numbers)}"
    return get_user_model().objects.create_user(name, password="secret", **values)


def a_person(role, name=None, *, team=None, **values):
    """A person with that role in `team`, or in the default one."""
    user = an_outsider(name or f"{role}-{next(_numbers)}", **values)
    return a_member(user, role, team=team)


def a_member(user, role, *, team=None):
    """`user`, with that role in `team` from now on."""
    role, team = Role.objects.get(name=role), team or Team.objects.get(is_default=True)
    Membership.objects.update_or_create(user=user, team=team, defaults={"role": role})
    return user


def a_user(name=None, **values):
    """A person who may look, and nothing more."""
    return a_person("viewer", name, **values)


def an_operator(name=None, **values):
    return a_person("operator", name, **values)


def an_admin(name=None, **values):
    return a_person("admin", name, is_superuser=True, is_staff=True, **values)


def a_team(name=None, **values):
    return Team.objects.create(name=name or f"team-{next(_numbers)}", **values)


def a_role(*rights, name=None, **values):
    return Role.objects.create(name=name or f"role-{next(_numbers)}", rights=sorted(rights), **values)


def a_token(user=None, scopes=tuple(RIGHTS), **values):
    """(a Token with these scopes, its text); an administrator's, with every scope, unless told otherwise."""
    user = user or an_admin()
    text = tokens.PREFIX + f"{next(_numbers):0{tokens.LENGTH}}"
    defaults = dict(
        name=f"token {next(_numbers)}",
        digest=tokens.digest(text),
        hint=text[: tokens.HINT],
        scopes=sorted(scopes),
        created_at=ago(days=1),
        created_by_name=user.get_username(),
        expires_at=timezone.now() + timedelta(days=30),
    )
    return Token.objects.create(user=user, **{**defaults, **values}), text


def a_service_account(name=None, **values):
    """The account of a program: a user without a password and in no team."""
    user = get_user_model().objects.create_user(name or f"service-{next(_numbers)}")
    ServiceAccount.objects.create(user=user, created_at=timezone.now(), **{"purpose": "tests", **values})
    return user


def a_host(name="local", **values):
    """The host of that name, present and ready; the same one when it is asked for again."""
    now = timezone.now()
    defaults = dict(watcher_seen_at=now, worker_seen_at=now, listed_at=now, facts=FACTS, readiness=READINESS)
    return Host.objects.update_or_create(name=name, defaults=values, create_defaults={**defaults, **values})[0]


def an_image(**values):
    defaults = dict(
        image_id=an_id(),
        names=["localhost/freezeframe-sample:1"],
        digest=f"sha256:{an_id()}",
        size_bytes=2_048_000,
        created_at=ago(days=2),
    )
    return Image.objects.create(**{"host": values.get("host") or a_host(), **defaults, **values})


def a_container(**values):
    """A running looper. `state="exited", checkpointed_at=…` makes it one that stands still with a dump."""
    running = values.get("state", "running") == "running"
    defaults = dict(
        container_id=an_id(),
        name=f"looper-{next(_numbers)}",
        image_id="58d626dd3b6a" + "0" * 52,
        image_name="localhost/freezeframe-sample:1",
        state="running",
        pid=4242 if running else 0,
        created_at=ago(minutes=7),
        started_at=ago(minutes=6),
        finished_at=None if running else ago(minutes=1),
        command=LOOP,
        oci_runtime="runc",
        config={"hostname": "8dfe9e0268f4", "restart_policy": "no", "privileged": False},
        seen_at=timezone.now(),
    )
    return Container.objects.create(**{"host": values.get("host") or a_host(), **defaults, **values})


def an_operation(**values):
    """A queued checkpoint of a container; the times that a state asks for are filled in."""
    state = values.get("state", "queued")
    container = values["container"] if "container" in values else a_container()
    defaults = dict(kind="checkpoint", state=state, container=container, requested_at=ago(seconds=40), options={})
    defaults["host"] = container.host if container else a_host()
    defaults["team"] = container.team if container else None
    if state != "queued":
        defaults["started_at"] = values.get("finished_at", ago(seconds=38)) - timedelta(seconds=1)
    if state == "started":
        defaults["lease_expires_at"] = timezone.now() + timedelta(seconds=30)
    if state not in Operation.UNFINISHED:
        defaults["finished_at"] = ago(seconds=38)
    return Operation.objects.create(**{**defaults, **values})


def a_checkpoint(*, tags=(), **values):
    """A checkpoint in the catalog, taken by an operation that succeeded."""
    container = values.get("container") or a_container()
    taken_at = values.get("taken_at") or ago(minutes=4)
    operation = values.get("operation") or an_operation(
        container=container,
        state="succeeded",
        finished_at=taken_at,
        summary="Checkpointed: 35 pages, frozen for 72 ms.",
    )
    flags = {"leave_running": False, "tcp_established": False, "file_locks": False}
    defaults = dict(
        name=f"looper at {next(_numbers)}",
        host=container.host,
        team=container.team,
        container=container,
        container_name=container.name,
        image_id=container.image_id,
        image_name=container.image_name,
        operation=operation,
        taken_by_name="mina",
        taken_at=taken_at,
        dumped_at=taken_at,
        options=flags,
        command=["podman", "container", "checkpoint", "--print-stats", container.name],
        store="directory:local",
        archive_sha256=an_id(),
        archive_bytes=29_700,
        unpacked_bytes=412_160,
        members=[{"name": "checkpoint/pages-1.img", "size": 143_360, "sha256": an_id()}],
        statistics=STATISTICS,
        facts=FACTS,
    )
    checkpoint = Checkpoint.objects.create(**{**defaults, **values})
    checkpoint.tags.set([Tag.objects.get_or_create(name=tag)[0] for tag in tags])
    catalog.write_words(checkpoint, {"processes": [{"comm": "sh", "command": "/bin/sh -c looper"}]})
    return checkpoint


def a_review(*, by=None, verdict="awaiting", **values):
    """The review of an archive from elsewhere that mounts a folder of the host, with its checkpoint."""
    container = a_container(state="exited", removed_at=timezone.now())
    operation = an_operation(
        kind="import", container=None, state="succeeded", requested_by=by or an_operator(), team=container.team,
        options={"file_name": "warm.tar.zst"},
    )  # fmt: skip
    checkpoint = a_checkpoint(container=container, operation=operation, provenance=verdict)
    finding = {"level": "approval", "key": "bind", "words": "It mounts /srv/data of the host at /data."}
    defaults = dict(
        operation=operation,
        checkpoint=checkpoint,
        verdict=verdict,
        file_name="warm.tar.zst",
        size=29_700,
        digest=an_id(),
        privileges=[{"key": "image", "title": "Image", "words": "localhost/freezeframe-sample:1", "more": False}],
        findings=[finding],
    )
    return ImportReview.objects.create(**{**defaults, **values})


def an_event(**values):
    defaults = dict(
        at=timezone.now(),
        action="checkpoint.taken",
        result="done",
        actor_name="mina",
        source=AuditEvent.Source.AGENT,
        sentence="checkpointed looper, stopping it",
    )
    return audit.append(**{**defaults, **values})


def a_process(pid, ppid, comm="sh", **values):
    """One process as runtime/inspection.py has it."""
    defaults = dict(
        pid=pid, ppid=ppid, pgid=1, sid=1, comm=comm, command=[comm], state="alive", exit_code=0, threads=1,
        thread_names=[], uid=0, gid=0, groups=[], no_new_privileges=False, seccomp="filter", lsm="", nice=0,
        oom_score=0, folder="/", root="/", umask="0022", program="/bin/sh", mappings=3, mapped_bytes=4096,
        dumped_bytes=4096, shared_bytes=0,
        capabilities={"eff": "0000000000200001", "bnd": "0000000000200001"},
    )  # fmt: skip
    return {**defaults, **values}


def an_inspection(checkpoint, **values):
    """What was seen inside a small Redis, in the form of runtime/inspection.py."""
    listening = {
        "id": 1, "type": "TCP4", "state": "LISTEN", "source": "0.0.0.0:6379", "target": "", "receive_bytes": 7,
        "send_bytes": 0, "held": [[1, 6, True]],
    }  # fmt: skip
    file = {"id": 2, "type": "file", "path": "/data/dump.rdb", "position": 12, "size": 2048, "access": "read"}
    pipe = {"id": 3, "type": "pipe", "path": "pipe 77", "position": 0, "size": None, "waiting_bytes": 5, "flags": []}
    null = {"id": 4, "type": "file", "path": "/dev/null", "position": 0, "size": None, "held": [[9, 0, False]]}
    mapping = {"pid": 1, "start": "1000", "end": "5000", "size": 16384, "prot": "rw-p", "name": "[heap]"}
    configuration = {
        "name": "redis", "id": "ab" * 32, "image": "localhost/redis:1", "image_id": "cd" * 32,
        "command": ["redis-server"],
        "capabilities": {"bounding": ["chown", "sys_admin"], "ambient": []}, "hooks": ["prestart"], "limits": [],
        "namespaces": [{"type": "pid", "path": ""}], "user": "0:0", "seccomp": "SCMP_ACT_ERRNO",
    }  # fmt: skip
    facts = dict(
        engine="podman",
        processes=[a_process(1, 0, "redis-server", command=["redis-server", "*:6379"]),
                   a_process(9, 1, "sleep", command=["sleep", "60"])],
        sockets=[listening],
        files=[{**file, "flags": [], "held": [[1, 3, True]]}, pipe, null],
        mounts=[{"mountpoint": "/data", "source": "tmpfs", "root": "/", "options": "", "flags": [], "external": True}],
        mounts_asked=[{"destination": "/data", "source": "/srv/data", "type": "bind", "options": "rw"}],
        memory=[{**mapping, "shared": False, "dumped": 4096}],
        environment={"config": ["TOKEN"], "1": ["HOME"]},
        changes={"files": [{"path": "/etc/motd", "size": 5, "kind": "file"}], "count": 1, "bytes": 5, "whole": True},
        deleted=["/etc/issue"],
        volumes=[{"name": "vol", "destination": "/data", "size": 1536}],
        sizes={"memory": 143_360, "images": 9000, "rootfs_diff": 1536, "shared_memory_files": 0, "volumes": 1536},
        statistics={"frozen_time": 72_310, "pages_written": 35},
        namespaces=[{"kind": "uts", "id": 12, "detail": "host"}],
        network=[{"network": "podman", "interface": "eth0", "mac": "", "addresses": ["10.0.0.2/24"], "gateways": []}],
        configuration=configuration,
        privileges=[{"key": "capabilities", "title": "Capabilities", "words": "CAP_SYS_ADMIN and more", "more": True}],
        annotations=[["io.container.manager", "libpod"]],
        unreadable=["tty.img"],
        more={},
    )  # fmt: skip
    return Inspection.objects.create(checkpoint=checkpoint, facts={**facts, **values})
