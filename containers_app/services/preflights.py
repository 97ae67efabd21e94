"""Preflight: looks at a container, or at a checkpoint and its host, and judges before anything is stopped.

The agent looks; pages ask it through Redis and wait a moment for the answer. The same look is taken again when the
operation is performed, and what blocks then is refused there.
"""

import json
import logging
import shutil
import socket
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import redis
from django.db import connection

from containers_app.errors import BadInput, Foreseen, FreezeframeError, Unavailable
from containers_app.models import Checkpoint, Container, Host, Image, Inspection, Operation
from containers_app.runtime import criu, lsm, needs, preflight, preflight_restore, process, scan
from containers_app.runtime import host as host_runtime
from containers_app.runtime.types import CheckpointOptions, RestoreOptions

from . import doorbell, kept_images, outside

log = logging.getLogger(__name__)

ASKED = "freezeframe:preflights:"  # + host name: list of what is asked for, as JSON
ANSWER = "freezeframe:preflight:"  # + token: list with the one answer
PATIENCE = 5  # seconds that a page waits, and that a question or an answer is kept
AT_ONCE = 4
OTHER_SIZE = "It has another size than when it was stored."
NO_NETWORK = {"host", "none", "private", "slirp4netns", "pasta", "bridge"}  # modes that inspect names like networks


def ask_checkpoint(container, options: CheckpointOptions):
    """[Finding as JSON] of a checkpoint of `container` with these options, from its host's agent.

    Raises Unavailable when the agent does not answer in time, or cannot look.
    """
    return _ask(container.host, {"container": container.pk, "options": options.as_json()})


def ask_restore(checkpoint, *copies: RestoreOptions, host=None):
    """[Finding as JSON] of a restore of `checkpoint`, or of so many copies, on `host`, or on its own, from that agent;
    as `ask_checkpoint`."""
    wanted = [options.as_json() for options in copies]
    return _ask(host or checkpoint.host, {"checkpoint": checkpoint.pk, "copies": wanted})


def ask_restore_image(image, options: RestoreOptions):
    """[Finding as JSON] of a restore from a checkpoint image, from its host's agent; as `ask_checkpoint`."""
    return _ask(image.host, {"image": image.pk, "options": options.as_json()})


def of_input(error):
    """The Finding of what was typed and cannot be used (a BadInput)."""
    return preflight.Finding(
        "input", error.message, preflight.BLOCK, remedy=error.remedy, option=error.field, forceable=False
    )


def _ask(host, question):
    if host.away:
        raise Unavailable(f"The agent of {host.name} is away.", remedy="Try again when it is back.")
    token, client = uuid.uuid4().hex, doorbell.client()
    try:
        client.rpush(f"{ASKED}{host.name}", json.dumps({"token": token, **question}))
        client.expire(f"{ASKED}{host.name}", PATIENCE)
        found = next((got for _ in range(PATIENCE) if (got := client.blpop([f"{ANSWER}{token}"], timeout=1))), None)
    except redis.RedisError:
        found = None
    answer = json.loads(found[1]) if found else {"error": f"The agent of {host.name} did not answer."}
    if "error" in answer:
        raise Unavailable(answer["error"])
    return answer["findings"]


class Answerer:
    """The agent's side: answers what is asked of this host until `stop` is set."""

    def __init__(self, host, stop):
        self._host, self._stop = host, stop

    def run(self):
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="preflight") as pool:
            while not self._stop.is_set():
                try:
                    found = doorbell.client().blpop([f"{ASKED}{self._host.name}"], timeout=1)
                except redis.RedisError:
                    self._stop.wait(2)
                    continue
                if found:
                    pool.submit(answer, self._host, json.loads(found[1]))


def answer(host, question):
    """Look, and put the answer where the page waits for it."""
    try:
        said = {"findings": [found.as_json() for found in _look(host, question)]}
    except FreezeframeError as error:
        said = {"error": str(error)}
    except Exception:
        log.exception("a preflight was not answered")
        said = {"error": "The agent could not look: see its log."}
    finally:
        connection.close()
    try:
        client = doorbell.client()
        client.rpush(f"{ANSWER}{question['token']}", json.dumps(said))
        client.expire(f"{ANSWER}{question['token']}", PATIENCE)
    except redis.RedisError as error:
        log.warning("a preflight's answer is lost (%s)", error)


def _look(host, question):
    host = Host.objects.get(pk=host.pk)  # its facts and its readiness as they are now
    if "container" in question:
        container = Container.objects.select_related("host").get(pk=question["container"], host=host)
        found = outside.podman().inspect_one(container.container_id)
        if found is None or found.state != "running":
            raise Unavailable(f"{container.name} is {found.state if found else 'gone'}.")
        return of_checkpoint(container.host, found, CheckpointOptions(**question["options"]))
    try:
        if "image" in question:
            image = Image.objects.select_related("host").get(pk=question["image"], host=host)
            return of_restore_image(image, RestoreOptions(**question["options"]))
        checkpoint = Checkpoint.objects.select_related("container__host", "host").get(pk=question["checkpoint"])
        host = Host.objects.get(pk=host.pk)  # as it is now: the agent may have measured it since it began to answer
        copies = [options_there(checkpoint, RestoreOptions(**options), host) for options in question["copies"]]
        return of_restore(checkpoint, host, *copies)
    except BadInput as error:
        return [of_input(error)]


def of_checkpoint(host, found, options):
    """[Finding] of a checkpoint of the running container `found`, as it is now. Runs on its host."""
    podman, walk, mounts = outside.podman(), scan.Walk(), found.config.get("mounts", [])
    volumes = [(m["name"], *walk.bytes_below(m["source"])) for m in mounts if m["type"] == "volume"]
    changed = walk.bytes_below(found.upper) if found.upper else (0, True)
    return preflight.of_checkpoint(
        preflight.CheckpointSight(
            found=found,
            scan=scan.scan(found.pid, found.container_id).as_json(),
            options=options,
            readiness=host.readiness,
            runtime_able=host_runtime.can_checkpoint(found.oci_runtime, tools_dir=podman.tools_dir),
            store_free=outside.store().free_bytes(),
            storage_free=shutil.disk_usage(found.userdata).free,
            volumes=volumes,
            changed=changed,
            switches=host.facts.get("criu_config", {}).get("switches", {}),
        )
    )


def facts_at_capture(host, found, options):
    """What a later restore needs and the archive does not tell: the host's facts, and the container's surroundings."""
    kept = {name: value for name, value in host.facts.items() if name not in {"flags", "registries"}}
    mounts = found.config.get("mounts", [])
    volumes = [] if options.ignore_volumes else [mount["name"] for mount in mounts if mount["type"] == "volume"]
    binds = sorted(mount["source"] for mount in mounts if mount["type"] == "bind")
    return {
        **kept,
        "oci_runtime": found.oci_runtime,
        "volumes": sorted(volumes),
        "binds": binds,
        "bind_kinds": {source: _kind(source) for source in binds},
        "secrets": found.secrets,
        "cpus": found.cpus,
        "security_profile": found.security_profile,
        "networks": sorted(set(found.config.get("networks", [])) - NO_NETWORK),
        "ports": found.ports,
        "addresses": found.addresses,
        "static_addresses": found.static_addresses,
        "pod": found.pod,
    }


def _kind(path):
    """What a path of the host is, as far as a mount cares; "" for one that is not there."""
    found = Path(path)
    return "folder" if found.is_dir() else "file" if found.exists() else ""


def options_there(checkpoint, options, host):
    """The options as they are on `host`: away from home it gets an address of that host's network.

    Only connections that it is to keep are bound to the address that it had.
    """
    if host.pk == checkpoint.host_id or options.tcp_established:
        return options
    return replace(options, ignore_static_ip=True, ignore_static_mac=True)


def of_restore(checkpoint, host, *copies):
    """[Finding] of a restore of `checkpoint` on `host` with these options (`name` "" means its own), or of copies.

    Runs there. Raises BadInput for a name that Podman does not take.
    """
    podman, store, at_home = outside.podman(), outside.store(), host.pk == checkpoint.host_id
    in_place = not copies[0].name and at_home and bool(podman.inspect_one(checkpoint.container.container_id))
    size, taken_at = store.size(checkpoint.archive_sha256), checkpoint.dumped_at or checkpoint.taken_at
    members = {member["name"]: member["size"] for member in checkpoint.members}
    return _of_restore(
        podman, host, copies, checkpoint.facts, checkpoint.container_name, taken_at,
        own_id=checkpoint.container.container_id,
        in_place=in_place,
        wants=_needs(checkpoint, members),
        members=members,
        image_name=checkpoint.image_name,
        image_here=bool(podman.image_id(checkpoint.image_id)),
        image_kept=bool(kept_images.find(checkpoint.image_id)),
        archive_here=size is not None,
        flaw=checkpoint.flaw_detail or ("" if size == checkpoint.archive_bytes else OTHER_SIZE),
    )  # fmt: skip


def _needs(checkpoint, members):
    seen = Inspection.objects.filter(checkpoint=checkpoint).values_list("facts", flat=True).first()
    return needs.of(seen or {}, members)


def of_restore_image(image, options):
    """[Finding] of a restore from a checkpoint image, with what is known of when it was made; as `of_restore`."""
    podman = outside.podman()
    annotations = {name.rpartition("checkpoint.")[2]: value for name, value in image.checkpoint.items()}
    made = Operation.objects.filter(host=image.host, kind=Operation.Kind.CHECKPOINT_IMAGE, options__image=str(image))
    made = made.filter(state=Operation.State.SUCCEEDED).order_by("pk").last()
    then, base = made.result.get("facts", {}) if made else _annotated(annotations), annotations.get("rootfsImageID", "")
    return _of_restore(
        podman, image.host, [options], then, annotations.get("name", ""), image.created_at, in_place=False,
        members={"image": image.size_bytes},
        image_name=annotations.get("rootfsImageName", ""),
        image_here=not base or bool(podman.image_id(base)),
        image_kept=bool(kept_images.find(base)),
        wants=needs.of_facts(then),
    )  # fmt: skip


def _annotated(annotations):
    """Facts as `facts_at_capture` keeps them, from the annotations of a checkpoint image: fewer, by other names."""
    number, arch = annotations.get("criu.version", ""), annotations.get("host.arch", "")  # 40201 is 4.2.1
    found = {
        "criu_version": f"{int(number) // 10000}.{int(number) // 100 % 100}" if number.isdecimal() else "",
        "kernel": annotations.get("host.kernel", ""),
        "architecture": {"amd64": "x86_64", "arm64": "aarch64"}.get(arch, arch),
        "cgroup_version": annotations.get("cgroups.version", ""),
        "oci_runtime": annotations.get("runtime.name", ""),
    }
    return {name: value for name, value in found.items() if value}


def _of_restore(podman, host, copies, then, own_name, taken_at, *, in_place, own_id="", wants=needs.NOTHING, **known):
    store, options = outside.store(), copies[0]
    names = [] if in_place else [each.name or own_name for each in copies]
    own_id = "" if in_place or options.name else own_id
    there = podman.inspect(*names, *filter(None, [own_id]))
    running = [facts for facts in podman.inspect(*_running(host)) if facts.state == "running"]
    runtime = then.get("oci_runtime", "")
    return preflight_restore.of_restore(
        preflight_restore.RestoreSight(
            **known,
            in_place=in_place,
            options=options,
            copies=len(copies),
            then=then,
            now=host.facts,
            needs=wants,
            unknown_profiles=lsm.unknown(host.facts.get("security_module", ""), wants.profiles),
            lock_missing=wants.network_lock == "iptables" and not _iptables(podman.tools_dir),
            cpus=host_runtime.cpus(),
            runtime_able=not runtime or host_runtime.can_checkpoint(runtime, tools_dir=podman.tools_dir),
            cpu_refused=_cpu_refused(then, host.facts, podman.tools_dir),
            names_taken=sorted({facts.name for facts in there} & set(names)),
            id_taken=next((facts.name for facts in there if facts.container_id == own_id), ""),
            ports_taken=[port for each in copies for port in _taken_ports(each.publish or then.get("ports", []))],
            volumes=frozenset(podman.volume_names()),
            networks=podman.networks(),
            pods=frozenset(podman.pod_names()) if options.pod else frozenset(),
            addresses={address: facts.name for facts in running for address in facts.addresses},
            **_binds(then, taken_at),
            readiness=host.readiness,
            free_memory=scan.free_memory(),
            store_free=store.free_bytes(),
            storage_free=shutil.disk_usage(_storage(podman)).free,
        )
    )


def _binds(then, taken_at):
    """What became of the paths of the host that it mounts."""
    binds, kinds, walk = then.get("binds", []), then.get("bind_kinds", {}), scan.Walk()
    here = {source: _kind(source) for source in binds}
    return {
        "missing_binds": [source for source in binds if not here[source]],
        "other_binds": [source for source in binds if kinds.get(source) and here[source] not in ("", kinds[source])],
        "changed_binds": [source for source in binds if walk.newer_below(source, taken_at.timestamp())],
    }


def _iptables(tools_dir):
    return shutil.which("iptables-restore", path=process.environment(tools_dir)["PATH"])


def _cpu_refused(then, now, tools_dir):
    """What CRIU says against this CPU; the very same one needs no asking."""
    image = then.get("cpu_image", "")
    return "" if not image or image == now.get("cpu_image") else criu.refuses_cpu(image, tools_dir=tools_dir)


def _running(host):
    rows = Container.objects.filter(host=host, removed_at=None, state="running")
    return list(rows.values_list("container_id", flat=True)[:200])


@cache
def _storage(podman):
    """Where its images and containers lie: it does not move while an agent runs, and `podman info` takes its time."""
    return podman.info()["store"]["graphRoot"]


def _taken_ports(published):
    """Those of `published` (`address:host:container/protocol`) whose port of the host something listens on."""
    return [port for port in published if not _free(port)]


def _free(published):
    address, _, number = published.rpartition(":")[0].rpartition(":")
    if not number.isdigit():
        return True  # Podman chooses one
    kind = socket.SOCK_DGRAM if published.endswith("/udp") else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address or "0.0.0.0", int(number)))  # noqa: S104
        except OSError:
            return False
    return True


def require(claim, findings):
    """Raise Foreseen for the first finding that stands in the way; what may be forced is, where that was asked for."""
    forced = bool(claim.operation.options.get("forced"))
    claim.note(preflight=[asdict(found) for found in findings if found.level != preflight.PASS])
    standing = preflight.blocks(findings, forced=forced)
    if standing:
        first = standing[0]
        claim.note(option=first.option)
        raise Foreseen(f"{first.title}: {first.detail}".rstrip(": "), remedy=first.remedy)
