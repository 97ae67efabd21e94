"""Pages of operations: the list, one operation from request to outcome, and the tray that every page carries."""

import shlex

from django.contrib import messages
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from containers_app import access, operations_shown, queries
from containers_app.htmx import asked, caller, render_page
from containers_app.models import Operation
from containers_app.models.catalog import Mode
from containers_app.runtime.explain import by_id
from containers_app.services import checkpoints, operations, restores

AGAIN_NEEDS = {"create": "create", "pull": "create", "exec": "exec", "restore": "restore", "checkpoint": "checkpoint"}


@require_GET
def operation_list(request):
    q, state = asked(request, "q"), asked(request, "state")
    state = state if state in queries.OPERATION_FILTERS else ""
    rows = queries.operations(request.user, q=q)
    context = {
        "q": q,
        "state": state,
        "chips": queries.chips(rows, queries.OPERATION_FILTERS, state),
        "table": queries.operation_table(rows, state, request.GET.get("page")),
    }
    return render_page(request, "operation_list", context, fragments=["operation_table"])


@require_GET
def operation_detail(request, pk):
    operation = access.get_operation_for(request.user, pk)
    rights = access.rights_on(request.user, operation)
    may_again = AGAIN_NEEDS.get(operation.kind) in rights
    context = {
        "operation": operation,
        "rights": rights,
        "phases": operations_shown.phases(operation),
        "progress": operations_shown.progress(operation),
        "decisive": operations_shown.decisive_line(operation),
        "statistics": operations_shown.statistics_rows(operation.result.get("statistics", {})),
        "again": may_again and _again(operation),
        "again_with": may_again and _again_with(operation),
        "report": operations_shown.report(operation),
    }
    return render_page(request, "operation_detail", context, fragments=["operation_now"])


@require_POST
def operation_cancel(request, pk):
    operation = access.get_operation_for(request.user, pk, "operate")
    operations.cancel(by=caller(request), operation=operation)
    messages.info(request, f"Cancelled: {operation}.")
    return redirect("operation_detail", pk)


@require_GET
def operation_tray(request):
    """What goes on now, with the counts and the banner around every page: they change at the same moments."""
    return render_page(request, "operation_tray", fragments=["operation_tray"])


def _again(operation):
    """Address of the form that asks for the same once more, filled in; "" where there is none."""
    if operation.state not in {Operation.State.FAILED, Operation.State.CANCELLED, Operation.State.LOST}:
        return ""
    if operation.kind == Operation.Kind.CREATE:
        return f"{reverse('container_create')}?{urlencode({'name': operation.target_name, **_typed(operation)})}"
    if operation.kind == Operation.Kind.PULL:
        return f"{reverse('image_pull')}?{urlencode({'host': operation.host_id, 'image': operation.options['image']})}"
    if operation.kind == Operation.Kind.EXEC:
        typed = {"command": shlex.join(operation.options["command"])}
        return f"{reverse('container_exec', args=[operation.container_id])}?{urlencode(typed)}"
    if operation.kind == Operation.Kind.RESTORE and operation.checkpoint_id:
        return _address("checkpoint_restore", operation.checkpoint_id, _chosen(operation))
    if operation.kind == Operation.Kind.CHECKPOINT and operation.container_id:
        return _address("container_checkpoint", operation.container_id, _chosen(operation))
    return ""


def _again_with(operation):
    """(flag, address) of the same once more with the option that its failure calls for; None where there is none."""
    tables = {
        Operation.Kind.CHECKPOINT: (checkpoints.FLAGS, checkpoints.offered),
        Operation.Kind.RESTORE: (restores.FLAGS, restores.offered),
    }
    address = _again(operation)
    if not address or operation.kind not in tables:
        return None
    flags, offered = tables[operation.kind]
    known = by_id(operation.failure)
    cures = [name for name in flags if known and flags[name] == known.option]
    wanted = operation.result.get("option") or next(iter(cures), "")
    if wanted in {"", "pod"} or wanted not in offered(operation.host) or operation.options["flags"].get(wanted):
        return None
    return flags[wanted], f"{address}{'&' if '?' in address else '?'}{wanted}=on"


def _chosen(operation):
    """What was chosen then, as the form's fields."""
    flags = operation.options.get("flags", {})
    chosen = {name: "on" for name, value in flags.items() if value is True and name != "leave_running"}
    if operation.kind == Operation.Kind.CHECKPOINT:
        return {**chosen, "mode": operation.options.get("mode", Mode.STOP)}
    if flags.get("name"):
        chosen |= {"as_new": "on", "name": flags["name"], "publish": "\n".join(flags.get("publish", []))}
    return {**chosen, **({"pod": flags["pod"]} if flags.get("pod") else {})}


def _address(view, pk, chosen):
    return f"{reverse(view, args=[pk])}?{urlencode(chosen)}".rstrip("?")


def _typed(operation):
    options = operation.options
    return {"image": options.get("image", ""), "command": shlex.join(options.get("command") or [])}
