"""Pages that compare two checkpoints: what came, went and changed between them; the memory by an operation."""

import re

from django.contrib import messages
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from containers_app import access, differences, queries
from containers_app.errors import BadInput
from containers_app.htmx import caller, render_page
from containers_app.services import memory, secrets


@require_GET
def checkpoint_choose(request):
    """Two checkpoints that were ticked in a list, the earlier one first."""
    chosen = list(
        dict.fromkeys(number for number in request.GET.getlist("checkpoint") if re.fullmatch("[0-9]{1,18}", number))
    )
    if len(chosen) != 2:
        raise BadInput("Choose two checkpoints to compare.", remedy="Go back and tick two.")
    pair = sorted(
        (access.get_checkpoint_for(request.user, int(number)) for number in chosen),
        key=lambda checkpoint: (checkpoint.taken_at, checkpoint.pk),
    )
    return redirect("checkpoint_compare", *(checkpoint.pk for checkpoint in pair))


@require_GET
def checkpoint_compare_with(request, pk):
    """What a checkpoint can be compared with: those of its own container first."""
    checkpoint = access.get_checkpoint_for(request.user, pk)
    context = {"checkpoint": checkpoint, "others": queries.comparable(request.user, checkpoint)}
    return render_page(request, "checkpoint_compare_with", context)


@require_http_methods(["GET", "HEAD", "POST"])
def checkpoint_compare(request, pk, other):
    """POST asks for the comparison of the memory, or with `values` for that of the environments' values."""
    first, second = (access.get_checkpoint_for(request.user, number) for number in (pk, other))
    wants_values = request.method == "POST" and "values" in request.POST
    if request.method == "POST" and not wants_values:
        for checkpoint in (first, second):
            access.require(request.user, "operate", checkpoint)
        memory.request_compare(by=caller(request), first=first, second=second)
        messages.info(request, f"Asked {first.host.name} to compare the memory.")
        return redirect("checkpoint_compare", pk, other)
    values = secrets.changed_values(by=caller(request), first=first, second=second) if wants_values else None
    seen = [queries.inside(checkpoint, *differences.FACTS) for checkpoint in (first, second)]
    context = {
        "first": first,
        "second": second,
        "seen": all(seen),
        "parts": differences.parts(*seen) if all(seen) else {},
        "memory": queries.memory_comparison(first, second),
        "changed_values": values,
        "may_see_values": all(access.may(request.user, "see_environment", row) for row in (first, second)),
        "may_compare": all(access.may(request.user, "operate", row) for row in (first, second)),
    }
    response = render_page(request, "checkpoint_compare", context, fragments=["compared_memory"])
    if wants_values:
        response["Cache-Control"] = "no-store"
    return response
