"""A container's life apart from checkpoint and restore: the sample, create, and the verbs that change its state."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from django.utils import timezone

from containers_app import access
from containers_app.errors import BadInput, Conflict
from containers_app.models import Container, Operation
from containers_app.runtime import creation, podman_arguments, sample
from containers_app.runtime.podman import Podman
from containers_app.runtime.types import CreateOptions

from . import inventory, operations, outside, pulls
from .operations import Found

Kind = Operation.Kind

SIGNALS = podman_arguments.SIGNALS
SAMPLE_NAME = "looper"
SAMPLE_COMMAND = ["/bin/sh", "-c", "i=0; while true; do echo $i; i=$(expr $i + 1); sleep 1; done"]
SAMPLE_IMAGE = "localhost/freezeframe-sample:1"


@operations.once
def request_sample(*, by, host, request_key=None):
    """Ask for the counting container of the tour, under a name that is free on this host."""
    name = free_name(host, SAMPLE_NAME)
    return operations.request(
        by=by, kind=Kind.SAMPLE, host=host, target_name=name, request_key=request_key,
        team=access.team_for(by.user, "create"),
        sentence=f"asked to run the sample as {name}",
    )  # fmt: skip


@operations.once
def request_create(*, by, host, name, image, command, env, start=True, request_key=None, **settings):
    """Ask for a new container; `settings` are fields of runtime/creation.py, empty ones as if they were not there.

    Raises BadInput for what Podman does not take or this host's Podman does not have, NotAllowed for what gives power
    over the host without the right to it, Conflict when the name is taken.
    """
    settings = {name: value for name, value in settings.items() if value}
    podman_arguments.check_name(name)
    present = inventory.image_named(host, podman_arguments.check_image(image))
    if not present:
        pulls.whole_name(host, image)
    elif present.checkpoint:  # what it holds is the memory of somebody's processes
        access.require(by.user, "restore", on=present)
    creation.check(settings)
    require_right_to(by.user, settings)
    for field in settings:
        if field not in create_offered(host):
            raise BadInput(f"The host's Podman has no {creation.FLAGS[field]}.", field=field)
    _require_free(host, name)
    return operations.request(
        by=by, kind=Kind.CREATE, host=host, target_name=name, request_key=request_key,
        team=access.team_for(by.user, "create"),
        sentence=f"asked to create {name} from {image}",
        options={"image": image, "command": command, "env": env, "start": start, "settings": settings},
    )  # fmt: skip


def create_offered(host):
    """Names of the fields of runtime/creation.py that this host's Podman has; all while it has not been measured."""
    present = host.facts.get("flags", {}).get("create", creation.FLAGS.values())
    return [name for name, flag in creation.FLAGS.items() if flag in present]


def require_right_to(user, settings):
    """Raise NotAllowed when `settings` give power over the host and `user` has no right to that."""
    if creation.gives_root(settings):
        access.require(user, "create_privileged")


@dataclass(frozen=True)
class Verb:
    """A verb that changes a container's state: where it is possible, its words, and when its wish has come true.

    `states` are Podman's own words, `forced` those that need `force`. `run` gets the operation's options by keyword.
    `already` says that there is nothing to do, whatever the state. `came_true` is asked with ContainerFacts (None when
    the container is gone) and the options. `told` says what came of it where "<name> was <done>." is not enough.
    """

    states: frozenset
    doing: str
    done: str
    run: Callable
    came_true: Callable
    forced: frozenset = frozenset()
    already: Callable = None
    told: Callable = None

    def possible(self, container, *, force=False):
        """True when `container` (a row, or ContainerFacts) is in a state that lets it, and not so already."""
        if self.already and self.already(container):
            return False
        return container.state in self.states | (self.forced if force else frozenset())


def _runs(found, options):
    return found is not None and found.state == "running"


def _stands_still(found, options):
    return found is not None and found.state in {"exited", "stopped"}


def _was_ended(found, options):
    """Of other signals than KILL nobody can say afterwards whether they arrived."""
    return options.get("signal", "KILL") == "KILL" and _stands_still(found, options)


def _told_of_signal(name, found, options):
    state = found.state if found else "gone"
    signal = options.get("signal", "KILL")
    return f"{name} was killed." if signal == "KILL" else f"{signal} was sent to {name}: it is {state}."


def _told_of_mount(name, found, options):
    return f"{name} is mounted at {found.mount_point}." if found and found.mount_point else f"{name} was mounted."


NOT_RUNNING = frozenset({"created", "initialized", "configured", "exited", "stopped"})
RUNNING = frozenset({"running"})
UP = RUNNING | {"paused"}
ANY = NOT_RUNNING | UP
NOT_READY = NOT_RUNNING - {"initialized"}  # nothing of it is in the OCI runtime's hands
VERBS = {
    Kind.START: Verb(NOT_RUNNING, "starting", "started", Podman.start, _runs),
    Kind.STOP: Verb(RUNNING, "stopping", "stopped", Podman.stop, _stands_still),
    Kind.RESTART: Verb(RUNNING, "restarting", "restarted", Podman.restart, lambda found, options: False),
    Kind.PAUSE: Verb(
        RUNNING, "pausing", "paused", Podman.pause, lambda found, options: bool(found and found.state == "paused")
    ),
    Kind.UNPAUSE: Verb(frozenset({"paused"}), "unpausing", "unpaused", Podman.unpause, _runs),
    Kind.KILL: Verb(UP, "killing", "killed", Podman.kill, _was_ended, told=_told_of_signal),
    Kind.REMOVE: Verb(
        NOT_RUNNING, "removing", "removed", Podman.remove, lambda found, options: found is None, forced=UP
    ),
    Kind.INIT: Verb(
        NOT_READY, "initializing", "initialized", Podman.init,
        lambda found, options: bool(found and found.state == "initialized"),
    ),
    Kind.MOUNT: Verb(
        ANY, "mounting", "mounted", Podman.mount, lambda found, options: bool(found and found.mount_point),
        already=lambda container: bool(container.mount_point), told=_told_of_mount,
    ),
    Kind.UNMOUNT: Verb(
        NOT_READY, "unmounting", "unmounted", Podman.unmount,
        lambda found, options: bool(found and not found.mount_point),
        already=lambda container: not container.mount_point,
    ),
    Kind.RENAME: Verb(
        ANY, "renaming", "renamed", Podman.rename,
        lambda found, options: bool(found and found.name == options["name"]),
        told=lambda name, found, options: f"{name} is now called {options['name']}.",
    ),
}  # fmt: skip


@operations.once
def request_act(*, by, container, kind, request_key=None, **options):
    """Ask for one of VERBS, with Podman's options. Raises Conflict when the container's state does not let it."""
    _require_possible(container, kind, options)
    if kind == Kind.KILL:
        podman_arguments.signal_arguments(options.get("signal", "KILL"))
    said = "".join(f", {name}" for name, value in options.items() if value is True)
    said += f" with {options['signal']}" if options.get("signal", "KILL") != "KILL" else ""
    return operations.request(
        by=by, kind=kind, host=container.host, container=container, request_key=request_key,
        sentence=f"asked to {kind} {container.name}{said}", options=options,
    )  # fmt: skip


@operations.once
def request_rename(*, by, container, name, request_key=None):
    """Ask for another name. Raises BadInput for one that Podman does not take, Conflict for one that is taken."""
    podman_arguments.check_name(name)
    _require_possible(container, Kind.RENAME, {})
    _require_free(container.host, name)
    return operations.request(
        by=by, kind=Kind.RENAME, host=container.host, container=container, target_name=name, request_key=request_key,
        sentence=f"asked to rename {container.name} to {name}", options={"name": name},
    )  # fmt: skip


def _require_possible(container, kind, options):
    """Raise Conflict when the container (a row, or ContainerFacts) is not in a state in which that can be done."""
    if getattr(container, "removed_at", None) or not VERBS[kind].possible(container, force=options.get("force")):
        raise Conflict(f"{container.name} is {container.state}: there is nothing to {kind}.", remedy="Reload the page.")


def _require_free(host, name):
    if Container.objects.filter(host=host, name=name, removed_at=None).exists():
        raise Conflict(f"The name {name} is taken on {host.name}.", remedy="Choose another name.")


def free_name(host, wanted):
    """`wanted`, `wanted-2`, `wanted-3` …: the first that no container and no unfinished operation has."""
    taken = set(Container.objects.filter(host=host, removed_at=None).values_list("name", flat=True))
    unfinished = Operation.objects.filter(host=host, state__in=Operation.UNFINISHED)
    taken |= set(unfinished.values_list("target_name", flat=True))
    number, name = 1, wanted
    while name in taken:
        number += 1
        name = f"{wanted}-{number}"
    return name


def perform_sample(claim):
    """Make the sample image from this machine's own busybox when it is not here, then create and start the looper."""
    podman = outside.podman()
    bring_sample_image(claim, podman)
    _create(claim, podman, image=SAMPLE_IMAGE, command=SAMPLE_COMMAND)


def bring_sample_image(claim, podman):
    """Make the sample image when it is not here."""
    if not podman.image_id(SAMPLE_IMAGE):
        claim.phase("building the sample image")
        podman.import_image(SAMPLE_IMAGE, sample.root(), changes=['CMD ["/bin/sh"]', "ENV PATH=/bin"])


def perform_create(claim):
    """Create the container, of an image that is pulled when the host lacks it; start it if that was asked for."""
    if claim.operation.requested_by:
        require_right_to(claim.operation.actor, claim.operation.options["settings"])
    _create(claim, outside.podman(), **claim.operation.options)


def _create(claim, podman, *, image, command, env=(), start=True, settings=None):
    operation, settings = claim.operation, settings or {}
    facts = operation.host.facts
    ulimit = creation.with_host_limits(settings.get("ulimit", []), facts.get("ulimits", []))
    options = CreateOptions(
        name=operation.target_name, image=image, command=command, env=list(env),
        settings={**settings, "ulimit": ulimit}, runtime=facts.get("oci_runtime", ""),
        pids_limit=facts.get("pids_limit", ""),
    )  # fmt: skip
    if podman.inspect_one(options.name):
        raise Conflict(f"The name {options.name} is taken on {operation.host.name}.", remedy="Choose another name.")
    options = replace(options, image=pulls.bring(claim, podman, image))
    claim.note(creating=True)
    claim.phase("creating")
    container_id = podman.create(options, on_start=claim.command).stdout.split()[-1]
    if start:
        claim.phase("starting")
        podman.start(container_id, on_start=claim.command)
    container = _observe(operation.host, podman, container_id)
    claim.succeed(
        action="container.created",
        sentence=f"created {'and started ' if start else ''}{container.name} from {image}",
        summary=f"{container.name} is {container.state}.",
        container=container,
    )


def perform_act(claim):
    """Run the verb that the operation asks for, if Podman still finds it possible, and look at what came of it."""
    operation, podman = claim.operation, outside.podman()
    verb, container, options = VERBS[operation.kind], operation.container, operation.options
    found, name = look_again(container, podman), container.name
    if found is None:
        raise Conflict("Podman no longer knows the container: somebody removed it.")
    _require_possible(found, operation.kind, options)
    claim.phase(verb.doing)
    verb.run(podman, container.container_id, on_start=claim.command, **options)
    found = look_again(container, podman)
    told = verb.told(name, found, options) if verb.told else f"{name} was {verb.done}."
    claim.succeed(action=f"container.{verb.done}", sentence=_sentence(verb, name, options), summary=told)


def _sentence(verb, name, options):
    if options.get("signal", "KILL") != "KILL":
        return f"sent {options['signal']} to {name}"
    said = "".join(f", {option}" for option, value in options.items() if value is True)
    return f"{verb.done} {name}" + (f" to {options['name']}" if "name" in options else said)


def _observe(host, podman, container_id):
    asked_at = timezone.now()
    facts = podman.inspect_one(container_id)
    if facts is None:
        raise Conflict("Podman no longer knows the container: somebody removed it.")
    return inventory.observe_containers(host, [facts], asked_at=asked_at)[0]


def settle_create(claim):
    """After a failure: a container that this operation created and could not start is removed, so its name is free."""
    operation, podman = claim.operation, outside.podman()
    outside.await_end(operation)
    asked_at = timezone.now()
    found = podman.inspect_one(operation.target_name) if operation.result.get("creating") else None
    if found is None:
        return Found()
    if found.state == "running" or not operation.options.get("start", True):
        inventory.observe_containers(operation.host, [found], asked_at=asked_at)
        return Found(True, f"{operation.target_name} is {found.state}.")
    podman.remove(found.container_id, force=True)
    inventory.observe_gone(operation.host, found.container_id, asked_at=timezone.now())
    return Found(False, "The container that could not start was removed.")


def settle_act(claim):
    """Found: whether the wish came true all the same."""
    container = claim.operation.container
    outside.await_end(claim.operation)
    found = look_again(container, outside.podman())
    sentence = f"{found.name if found else container.name} is {found.state if found else 'removed'}."
    return Found(VERBS[claim.operation.kind].came_true(found, claim.operation.options), sentence)


def look_again(container, podman):
    """What Podman says of the container now, or None; the inventory is told too."""
    asked_at = timezone.now()
    found = podman.inspect_one(container.container_id)
    if found:
        inventory.observe_containers(container.host, [found], asked_at=asked_at)
    else:
        inventory.observe_removed(container, asked_at=asked_at)
    return found
