"""Pages of one checkpoint: what is known of it, its restore, its archive. Knows rows, forms and services."""

from django.contrib import messages
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from containers_app import access, operations_shown, queries, shown
from containers_app.downloads import archive_response
from containers_app.forms.checkpoints import RestoreForm
from containers_app.htmx import answer, asked, caller, render_page
from containers_app.models import Host
from containers_app.runtime.types import RestoreOptions
from containers_app.services import copies, lifecycle, restores
from containers_app.signins import require_proof


@require_GET
def checkpoint_detail(request, pk):
    checkpoint = access.get_checkpoint_for(request.user, pk)
    possible, reason = restores.own_name(checkpoint, user=request.user)
    checkpoint.is_favourite = request.user.favourites.filter(pk=checkpoint.pk).exists()
    context = {
        "checkpoint": checkpoint,
        "tags": checkpoint.tags.all(),
        "memory": shown.memory_bytes(checkpoint),
        "statistics": operations_shown.statistics_rows(checkpoint.statistics),
        "trust": queries.trust_of(checkpoint),
        "restores": queries.checkpoint_restores(request.user, checkpoint),
        "own_name_possible": possible,
        "own_name_reason": reason,
        "rights": access.rights_on(request.user, checkpoint),
        "review": queries.review_of(checkpoint),
    }
    return render_page(request, "checkpoint_detail", context, fragments=["checkpoint_restores", "checkpoint_trust"])


@require_http_methods(["GET", "HEAD", "POST"])
def checkpoint_restore(request, pk):
    checkpoint = access.get_checkpoint_for(request.user, pk)
    restores.require_right(request.user, checkpoint, as_new=access.may(request.user, "clone", checkpoint))
    hosts = access.seen_by(request.user, Host.objects.all())
    host = target_host(request, checkpoint, hosts)
    possible, reason = restores.own_name(checkpoint, host, user=request.user)
    form = RestoreForm(
        request.POST or None,
        offered=restores.offered(host),
        hosts=hosts,
        initial=_initial(request, checkpoint, host, possible),
    )
    operation, status = answer(request, form, lambda values: _request_restore(request, checkpoint, host, values))
    if isinstance(operation, list):
        return redirect("operation_batch", form.cleaned_data["request_key"])
    if operation and operation.container_id:
        messages.info(request, f"Asked {host.name} to restore {checkpoint.name}.")
        return redirect("container_detail", operation.container_id)
    if operation:
        return redirect("operation_detail", operation.pk)
    context = {
        "checkpoint": checkpoint,
        "host": host,
        "form": form,
        "own_name_possible": possible,
        "own_name_reason": reason,
    }
    return render_page(request, "checkpoint_restore", context, fragments=["dialog"], status=status)


def target_host(request, checkpoint, hosts):
    """The one of `hosts` that is asked for, in the form or in the address; else where the checkpoint was taken."""
    wanted = request.POST.get("host") or asked(request, "host")
    return next((host for host in hosts if str(host.pk) == wanted), checkpoint.host)


def _initial(request, checkpoint, host, possible):
    """As the address asks for; else as it was checkpointed, and under its own name where that is possible."""
    name = checkpoint.container_name
    free = lifecycle.free_name(host, name)
    usual = {**checkpoint.options, "as_new": "" if possible else "on", "name": free if free != name else f"{name}-2"}
    usual["host"] = host.pk
    fields = ("as_new", "name", "publish", "pod", *restores.FLAGS)
    return {**usual, **{field: asked(request, field) for field in fields if asked(request, field)}}


def _request_restore(request, checkpoint, host, values):
    """A name and ports are a new container's; without one it comes back as it was."""
    new = {"name": values["name"], "publish": values["publish"]} if values["as_new"] else {"name": "", "publish": []}
    ticked = {name: values[name] for name in restores.FLAGS if name in values}
    copies_wanted = values["copies"] or 1
    if values["as_new"] and copies_wanted > 1:
        return copies.request_copies(
            by=caller(request),
            checkpoint=checkpoint,
            host=host,
            name=new["name"],
            copies=copies_wanted,
            options=RestoreOptions(publish=new["publish"], **ticked),
            forced=values["forced"],
            request_key=values["request_key"],
        )
    if not new["name"] and checkpoint.container.removed_at is None and host.pk == checkpoint.host_id:
        require_proof(request)
    return restores.request_restore(
        by=caller(request),
        checkpoint=checkpoint,
        host=host,
        name=new["name"],
        options=RestoreOptions(publish=new["publish"], **ticked),
        forced=values["forced"],
        request_key=values["request_key"],
    )


@require_POST
def checkpoint_download(request, pk):
    """The archive as any `podman container restore --import` takes it."""
    checkpoint = access.get_checkpoint_for(request.user, pk, "download_archive")
    require_proof(request)
    return archive_response(request, by=caller(request), checkpoint=checkpoint)
