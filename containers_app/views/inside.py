"""Pages of what is inside a checkpoint: one tab each, from what was seen while its archive went by.

Knows rows and what the services show by right.
"""

import re

from django.http import Http404
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from containers_app import access, insides, operations_shown, queries
from containers_app.forms.checkpoints import MemorySearchForm
from containers_app.htmx import answer, asked, caller, render_page
from containers_app.models import MemorySearch
from containers_app.services import memory, secrets

ROWS = 200  # of a page of a table
# The tabs, and which facts of an Inspection each shows (runtime/inspection.py).
PARTS = {
    "processes": ("processes", "namespaces"),
    "sockets": ("sockets",),
    "files": ("files", "changes", "deleted"),
    "mounts": ("mounts", "mounts_asked", "volumes", "sizes"),
    "memory": ("processes", "memory", "sizes"),
    "configuration": ("engine", "privileges", "configuration", "annotations", "network"),
    "archive": ("engine", "sizes", "statistics"),
}


@require_GET
def checkpoint_inside(request, pk, part="processes"):
    if part not in PARTS:
        raise Http404
    checkpoint = access.get_checkpoint_for(request.user, pk)
    seen = queries.inside(checkpoint, *PARTS[part])
    pid = asked(request, "pid")
    context = {
        **_head(request, checkpoint),
        "part": part,
        "template": f"_inside_{part}.html",
        "seen": seen,
        "pid": pid if re.fullmatch("[0-9]{1,9}", pid) else "",
    }
    if seen:
        rows = insides.rows(part, seen, context["pid"], checkpoint)
        context["table"] = queries.paged(rows, request.GET.get("page"), size=ROWS)
    return render_page(request, "checkpoint_inside", context)


@require_http_methods(["GET", "HEAD", "POST"])
def checkpoint_environment(request, pk):
    """Names for everybody who sees the checkpoint; values by right, when they are asked for: each look is an event."""
    right = "see_environment" if request.method == "POST" else "see"
    checkpoint = access.get_checkpoint_for(request.user, pk, right)
    seen = queries.inside(checkpoint, "environment", "processes")
    values = {}
    if request.method == "POST":
        values = secrets.see_checkpoint_environment(by=caller(request), checkpoint=checkpoint)
    context = {
        **_head(request, checkpoint),
        "seen": seen,
        "groups": insides.environment_groups(seen, values) if seen else [],
        "shows_values": request.method == "POST",
    }
    response = render_page(request, "checkpoint_environment", context)
    response["Cache-Control"] = "no-store"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def checkpoint_search(request, pk):
    """The form that searches a checkpoint's memory, and the searches so far."""
    checkpoint = access.get_checkpoint_for(request.user, pk, "search_memory")
    form = MemorySearchForm(request.POST or None, initial={"pattern": asked(request, "pattern")})
    operation, status = answer(
        request, form, lambda values: memory.request_search(by=caller(request), checkpoint=checkpoint, **values)
    )
    if operation:
        return redirect("memory_search", operation.pk)
    context = {
        **_head(request, checkpoint),
        "part": "memory",
        "form": form,
        "searches": queries.memory_searches(checkpoint),
    }
    return render_page(request, "checkpoint_search", context, status=status)


@require_GET
def memory_search(request, pk):
    """One search while it goes on, and what it found: memory, so by right, and each look is an event."""
    operation = access.get_operation_for(request.user, pk)
    if operation.kind != operation.Kind.MEMORY_SEARCH:
        raise Http404
    access.get_checkpoint_for(request.user, operation.checkpoint_id, "search_memory")
    search = MemorySearch.objects.select_related("checkpoint", "operation__host", "operation__container").filter(
        operation=operation
    )
    found = search.first()
    context = {
        "operation": operation,
        "checkpoint": operation.checkpoint,
        "progress": operations_shown.progress(operation),
        "search": found,
        "hits": memory.see_hits(by=caller(request), search=found) if found else None,
    }
    response = render_page(request, "memory_search", context, fragments=["memory_search_now"])
    response["Cache-Control"] = "no-store"
    return response


def _head(request, checkpoint):
    """What the head of a checkpoint's page needs."""
    checkpoint.is_favourite = request.user.favourites.filter(pk=checkpoint.pk).exists()
    rights = access.rights_on(request.user, checkpoint)
    return {"checkpoint": checkpoint, "tags": checkpoint.tags.all(), "rights": rights}
