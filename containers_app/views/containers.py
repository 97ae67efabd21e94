"""Pages of containers: the list, one container's story, and what can be done with it.

Knows rows, forms and services; never Podman.
"""

from dataclasses import fields

from django.contrib import messages
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from containers_app import access, operations_shown, queries, shown, signals
from containers_app.errors import BadInput, Conflict, Unavailable
from containers_app.forms.base import ConfirmForm
from containers_app.forms.checkpoints import CheckpointForm, CheckpointImageForm
from containers_app.forms.containers import CommitForm, CreateForm, ExecForm, KillForm, RemoveForm, RenameForm
from containers_app.htmx import answer, asked, caller, render_page
from containers_app.models import Host, Operation
from containers_app.models.catalog import Mode
from containers_app.runtime.types import CheckpointOptions
from containers_app.services import bulk, checkpoint_images, checkpoints, executions, images, lifecycle, secrets

OPTIONS = [field.name for field in fields(CheckpointOptions)]

Kind = Operation.Kind
page_or_form = require_http_methods(["GET", "HEAD", "POST"])


@require_GET
def container_list(request):
    q, host, state = asked(request, "q"), asked(request, "host"), asked(request, "state")
    state = state if state in queries.CONTAINER_FILTERS else ""
    rows = queries.containers(request.user, q=q, host=host)
    table = queries.container_table(request.user, rows, state, request.GET.get("page"))
    context = {
        "q": q,
        "chosen_host": host,
        "state": state,
        "chips": queries.chips(rows, queries.CONTAINER_FILTERS, state),
        "table": table,
        "usage": signals.read_usage(table),
        "bulk_verbs": bulk.KINDS,
        "coming": queries.coming_containers(request.user),
    }
    return render_page(request, "container_list", context, fragments=["container_table"])


@require_GET
def container_detail(request, pk):
    container = access.get_container_for(request.user, pk)
    signals.want_log(container)
    operations = queries.container_operations(request.user, container)
    unfinished = next((row for row in operations if not row.finished), None)
    taken, total = queries.container_checkpoints(request.user, container)
    rights = access.rights_on(request.user, container)
    actions = shown.possible_actions(container, unfinished, taken[0] if taken else None, rights=rights)
    context = {
        "container": container,
        "operation": unfinished,
        "buttons": actions if len(actions) <= 3 else actions[:2],
        "menu": actions[2:] if len(actions) > 3 else [],
        "rail": shown.lifecycle_rail(container, actions, total),
        "checkpoints": taken,
        "checkpoint_total": total,
        "chart": shown.frozen_chart(taken),
        "operations": operations[:6],
        "events": queries.container_events(request.user, container),
        "lines": operations_shown.log_with_cuts(signals.read_log(container), operations),
        "rights": rights,
        "usage": signals.read_usage([container]).get(container.pk),
    }
    return render_page(request, "container_detail", context, fragments=["container_now"])


@page_or_form
def container_create(request):
    access.require(request.user, "create")
    initial = {name: asked(request, name) for name in ("name", "image", "command") if name in request.GET}
    privileged = access.may(request.user, "create_privileged")
    form = CreateForm(
        request.POST or None,
        hosts=access.seen_by(request.user, Host.objects.all()),
        may_create_privileged=privileged,
        initial=initial,
    )
    operation, status = answer(request, form, lambda values: lifecycle.request_create(by=caller(request), **values))
    if operation:
        return redirect("operation_detail", operation.pk)
    context = {"form": form, "images": queries.image_names(request.user)}
    return render_page(request, "container_create", context, fragments=["dialog"], status=status)


@page_or_form
def container_checkpoint(request, pk):
    container = access.get_container_for(request.user, pk, "checkpoint")
    if request.method != "POST":
        _require_possible(request, container, "checkpoint")
    initial = {"name": checkpoints.default_name(container), **_ticked(request.GET)}
    if request.GET.get("mode") in Mode.values:
        initial["mode"] = request.GET["mode"]
    form = CheckpointForm(request.POST or None, offered=checkpoints.offered(container.host), initial=initial)
    operation, status = answer(request, form, lambda values: _request_checkpoint(request, container, values))
    if operation:
        messages.info(request, f"Asked {container.host.name} to checkpoint {container.name}.")
        return redirect("container_detail", pk)
    sent = request.POST or request.GET
    commands = checkpoints.command_preview(container, CheckpointOptions(**_ticked(sent)), sent.get("mode"))
    context = {
        "container": container,
        "form": form,
        "commands": commands,
        "expected_pause": checkpoints.expected_pause(container),
    }
    return render_page(request, "container_checkpoint", context, fragments=["dialog", "command_preview"], status=status)


@page_or_form
def container_checkpoint_image(request, pk):
    container = access.get_container_for(request.user, pk, "checkpoint")
    if request.method != "POST":
        _require_possible(request, container, "checkpoint_image")
    form = CheckpointImageForm(request.POST or None, offered=checkpoint_images.offered(container.host))
    operation, status = answer(request, form, lambda values: _request_checkpoint_image(request, container, values))
    if operation:
        messages.info(request, f"Asked {container.host.name} to checkpoint {container.name} into an image.")
        return redirect("container_detail", pk)
    context = {"container": container, "form": form, "expected_pause": checkpoints.expected_pause(container)}
    return render_page(request, "container_checkpoint_image", context, fragments=["dialog"], status=status)


def _request_checkpoint_image(request, container, values):
    options = CheckpointOptions(**{name: values.get(name, False) for name in OPTIONS})
    named = {name: values[name] for name in ("image", "mode", "forced", "request_key")}
    return checkpoint_images.request_checkpoint_image(by=caller(request), container=container, options=options, **named)


@require_POST
def container_start(request, pk):
    return _pressed(request, pk, Kind.START)


@require_POST
def container_pause(request, pk):
    return _pressed(request, pk, Kind.PAUSE)


@require_POST
def container_unpause(request, pk):
    return _pressed(request, pk, Kind.UNPAUSE)


@page_or_form
def container_stop(request, pk):
    return _confirmed(request, pk, Kind.STOP)


@page_or_form
def container_restart(request, pk):
    return _confirmed(request, pk, Kind.RESTART)


@page_or_form
def container_kill(request, pk):
    return _confirmed(request, pk, Kind.KILL, lambda data, container: KillForm(data))


@page_or_form
def container_remove(request, pk):
    return _confirmed(
        request, pk, Kind.REMOVE, lambda data, container: RemoveForm(data, runs=container.state in lifecycle.UP)
    )


@require_POST
def container_init(request, pk):
    return _pressed(request, pk, Kind.INIT)


@require_POST
def container_mount(request, pk):
    return _pressed(request, pk, Kind.MOUNT)


@require_POST
def container_unmount(request, pk):
    return _pressed(request, pk, Kind.UNMOUNT)


@page_or_form
def container_rename(request, pk):
    container = access.get_container_for(request.user, pk, "operate")
    if request.method != "POST":
        _require_possible(request, container, "rename")
    form = RenameForm(request.POST or None, initial={"name": container.name})
    operation, status = answer(
        request, form, lambda values: lifecycle.request_rename(by=caller(request), container=container, **values)
    )
    if operation:
        return _asked(request, container, Kind.RENAME)
    context = {"container": container, "form": form}
    return render_page(request, "container_rename", context, fragments=["dialog"], status=status)


@page_or_form
def container_commit(request, pk):
    container = access.get_container_for(request.user, pk, "operate")
    if request.method != "POST":
        _require_possible(request, container, "commit")
    form = CommitForm(request.POST or None)
    operation, status = answer(
        request, form, lambda values: images.request_commit(by=caller(request), container=container, **values)
    )
    if operation:
        return redirect("operation_detail", operation.pk)
    context = {"container": container, "form": form}
    return render_page(request, "container_commit", context, fragments=["dialog"], status=status)


@page_or_form
def container_exec(request, pk):
    container = access.get_container_for(request.user, pk, "exec")
    if request.method != "POST":
        _require_possible(request, container, "exec")
    form = ExecForm(request.POST or None, initial={"command": asked(request, "command")})
    operation, status = answer(
        request, form, lambda values: executions.request_exec(by=caller(request), container=container, **values)
    )
    if operation:
        return redirect("operation_detail", operation.pk)
    context = {"container": container, "form": form}
    return render_page(request, "container_exec", context, fragments=["dialog"], status=status)


@require_GET
def container_environment(request, pk):
    """The values, by right: that somebody looked is an event each time."""
    container = access.get_container_for(request.user, pk, "see_environment")
    context = {"container": container, "pairs": secrets.see_environment(by=caller(request), container=container)}
    response = render_page(request, "container_environment", context)
    response["Cache-Control"] = "no-store"
    return response


@require_POST
def sample_run(request):
    access.require(request.user, "create")
    host = _chosen_host(request)
    operation = _press(request, lambda key: lifecycle.request_sample(by=caller(request), host=host, request_key=key))
    return redirect("operation_detail", operation.pk)


def _pressed(request, pk, kind):
    """A verb that loses nothing: asked for at once."""
    container = access.get_container_for(request.user, pk, "operate")
    _press(request, lambda key: _request_act(request, container, kind, key))
    return _asked(request, container, kind)


def _confirmed(request, pk, kind, form_of=lambda data, container: ConfirmForm(data)):
    """The page that says what will be lost, and after a press of its button the request."""
    container = access.get_container_for(request.user, pk, "operate")
    if request.method != "POST":
        _require_possible(request, container, kind)
    form = form_of(request.POST or None, container)
    operation, status = answer(request, form, lambda values: _request_act(request, container, kind, **values))
    if operation:
        return _asked(request, container, kind)
    context = {
        "container": container,
        "form": form,
        "checkpoints": queries.container_checkpoints(request.user, container)[1],
    }
    return render_page(request, f"container_{kind}", context, fragments=["dialog"], status=status)


def _request_act(request, container, kind, request_key, **options):
    chosen = {name: value for name, value in options.items() if value not in (False, "KILL")}
    return lifecycle.request_act(by=caller(request), container=container, kind=kind, request_key=request_key, **chosen)


def _asked(request, container, kind):
    messages.info(request, f"Asked {container.host.name} to {kind} {container.name}.")
    return redirect("container_detail", container.pk)


def _press(request, act):
    """The operation that a button without a form of its own asks for."""
    form = ConfirmForm(request.POST)
    if not form.is_valid():
        raise BadInput("The button's key is missing.", remedy="Reload the page and press it again.")
    return act(form.cleaned_data["request_key"])


def _require_possible(request, container, verb):
    """Raise Conflict when `verb` is not among the actions that the container's page offers now."""
    unfinished = next((row for row in queries.container_operations(request.user, container) if not row.finished), None)
    if verb in {action.verb for action in shown.possible_actions(container, unfinished)}:
        return
    if unfinished:
        raise Conflict(
            f"{container.name} is busy: {unfinished.get_kind_display().lower()} is {unfinished.state}.",
            remedy="Wait until that has ended.",
        )
    raise Conflict(f"{container.name} is {shown.container_state(container).word}: there is nothing to {verb}.")


def _request_checkpoint(request, container, values):
    options = CheckpointOptions(**{name: values.get(name, False) for name in OPTIONS})
    named = {name: values[name] for name in ("name", "note", "tags", "mode", "forced", "request_key")}
    return checkpoints.request_checkpoint(by=caller(request), container=container, options=options, **named)


def _ticked(values):
    """The options that are ticked: in a form as it stands now, or in an address that asks for them."""
    return {name: True for name in OPTIONS if values.get(name) == "on"}


def _chosen_host(request):
    """The host that the form names, or the only one, or the first that is not away."""
    hosts = list(access.seen_by(request.user, Host.objects.all()))
    named = [host for host in hosts if str(host.pk) == request.POST.get("host")]
    found = named or [host for host in hosts if not host.away] or hosts
    if not found:
        raise Unavailable("There is no host yet.", remedy="Start the agent on a machine with Podman.")
    return found[0]
