"""One action on many containers: what it will hit, the press, and how all of it ended. And Podman's prune."""

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from containers_app import access, queries
from containers_app.forms.base import ConfirmForm
from containers_app.forms.containers import BulkForm
from containers_app.htmx import answer, asked, caller, render_page
from containers_app.services import bulk

page_or_form = require_http_methods(["GET", "HEAD", "POST"])


@page_or_form
def container_bulk(request):
    """`verb` on the containers that are ticked, or with `all` on every one that is there."""
    access.require(request.user, "operate")
    values = request.POST if request.method == "POST" else request.GET
    verb, force, everything = values.get("verb", ""), values.get("force") == "on", values.get("all") == "on"
    if verb not in bulk.KINDS:
        return render_page(request, "container_bulk", fragments=["dialog"], status=422)
    right = "checkpoint" if verb == "checkpoint" else "operate"
    chosen = None if everything and request.method != "POST" else values.getlist("container")
    containers = queries.chosen_containers(request.user, right, chosen, host=asked(request, "host"), most=bulk.MOST)
    hits = bulk.hits(kind=verb, containers=containers, force=force)
    expected = len(containers if request.method == "POST" else hits.taken) if everything else None
    form = BulkForm(request.POST or None, expected=expected)
    options = {"force": True} if force and verb == "remove" else {}
    made, status = answer(
        request, form,
        lambda cleaned: bulk.request_bulk(
            by=caller(request), kind=verb, containers=containers, request_key=cleaned["request_key"], **options
        ),
    )  # fmt: skip
    if made:
        asked_of = {operation.container_id for operation in made}
        left = [container.name for container in containers if container.pk not in asked_of]
        if left:
            messages.warning(request, f"Left out, because they can no longer: {', '.join(left)}.")
        return redirect("operation_batch", form.cleaned_data["request_key"])
    context = {
        "verb": verb, "hits": hits, "form": form, "everything": everything, "force": force,
        "could_force": verb == "remove" and not force and _could_force(hits),
        "again": [container.pk for container in containers],
    }  # fmt: skip
    return render_page(request, "container_bulk", context, fragments=["dialog"], status=status)


def _could_force(hits):
    """How many of those left out could be removed by force."""
    left = [container for container, _ in hits.left_out]
    return len(bulk.hits(kind="remove", containers=left, force=True).taken)


@page_or_form
def container_prune(request):
    """Podman's own prune of one host: what it would take, and after a press the request."""
    access.require(request.user, "operate")
    host = queries.one_host(request.user, request.POST.get("host") or asked(request, "host"))
    if host is None:
        raise Http404
    form = ConfirmForm(request.POST or None)
    operation, status = answer(
        request, form, lambda values: bulk.request_prune(by=caller(request), host=host, **values)
    )
    if operation:
        messages.info(request, f"Asked {host.name} to remove what does not run.")
        return redirect("operation_detail", operation.pk)
    context = {"host": host, "form": form, "containers": list(bulk.prunable_by(request.user, host))}
    return render_page(request, "container_prune", context, fragments=["dialog"], status=status)


@require_GET
def operation_batch(request, batch):
    """How the operations of one press ended, or how far they are."""
    rows = queries.batch_operations(request.user, batch)
    if not rows:
        raise Http404
    context = {"batch": batch, "operations": rows, "tally": queries.tally(rows), "first": rows[0]}
    return render_page(request, "operation_batch", context, fragments=["batch_now"])
