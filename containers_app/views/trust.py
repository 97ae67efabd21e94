"""What makes a checkpoint be relied on, and handed on: its drill, the reading of its archive, its check, its image."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from containers_app import access
from containers_app.downloads import file_name
from containers_app.errors import BadInput
from containers_app.forms.base import ConfirmForm
from containers_app.forms.checkpoints import DrillForm, PushForm, ReadyForm
from containers_app.htmx import answer, caller, render_page
from containers_app.models import Host
from containers_app.runtime import probes
from containers_app.services import drills, handing_on, scrubs

page_or_form = require_http_methods(["GET", "HEAD", "POST"])


@require_POST
def checkpoint_drill(request, pk):
    """Verify now: have it drilled on the chosen host, with its cold start where that is ticked."""
    checkpoint = access.get_checkpoint_for(request.user, pk, "restore")
    form = DrillForm(request.POST, hosts=access.seen_by(request.user, Host.objects.all()))
    values = form.cleaned_data if form.is_valid() else {"request_key": None, "cold": False}
    if "host" in form.errors:
        raise BadInput("There is no such host.", remedy="Reload the page, and choose another.")
    operation = drills.request_drill(by=caller(request), checkpoint=checkpoint, **values)
    return redirect("operation_detail", operation.pk)


@require_POST
def checkpoint_scrub(request, pk):
    """Have its archive read again from end to end."""
    checkpoint = access.get_checkpoint_for(request.user, pk, "operate")
    form = ConfirmForm(request.POST)
    key = form.cleaned_data["request_key"] if form.is_valid() else None
    operation = scrubs.request_scrub(
        by=caller(request), host=checkpoint.host, checkpoint=checkpoint, request_key=key
    )  # fmt: skip
    return redirect("operation_detail", operation.pk)


@page_or_form
def checkpoint_ready(request, pk):
    """When it counts as ready after a restore: the check that drills wait for."""
    checkpoint = access.get_checkpoint_for(request.user, pk, "edit_catalog")
    form = ReadyForm(request.POST or None, probe=probes.of(checkpoint.ready_when))
    _, status = answer(request, form, lambda values: _change_check(request, checkpoint, form.probe()))
    if request.method == "POST" and status == 200:
        messages.info(request, f"{checkpoint.name} counts as ready when {form.probe().words()}.")
        return redirect("checkpoint_detail", checkpoint.pk)
    context = {"checkpoint": checkpoint, "form": form}
    return render_page(request, "checkpoint_ready", context, fragments=["dialog"], status=status)


def _change_check(request, checkpoint, probe):
    """A command runs in whatever the drill makes: it needs the right to run commands."""
    if probe.kind == probes.COMMAND and probe.as_json() != checkpoint.ready_when:
        access.require(request.user, "exec", on=checkpoint)
    drills.change_check(by=caller(request), checkpoint=checkpoint, probe=probe)


@page_or_form
def checkpoint_push(request, pk):
    """Into a registry, as a checkpoint image."""
    checkpoint = access.get_checkpoint_for(request.user, pk, "download_archive")
    form = PushForm(request.POST or None)
    operation, status = answer(
        request, form, lambda values: handing_on.request_push(by=caller(request), checkpoint=checkpoint, **values)
    )
    if operation:
        return redirect("operation_detail", operation.pk)
    context = {"checkpoint": checkpoint, "form": form, "allowed": settings.REGISTRIES}
    return render_page(request, "checkpoint_push", context, fragments=["dialog"], status=status)


@require_GET
def checkpoint_sha256(request, pk):
    """The archive's digest as sha256sum(1) checks it, beside the downloaded file."""
    checkpoint = access.get_checkpoint_for(request.user, pk)
    name = f"{file_name(checkpoint)}.tar.zst"
    response = HttpResponse(f"{checkpoint.archive_sha256}  {name}\n", content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.sha256"'
    return response


@require_GET
def checkpoint_manifest(request, pk):
    """What whoever gets the archive needs to know of it (docs/handing-on.md)."""
    checkpoint = access.get_checkpoint_for(request.user, pk)
    response = JsonResponse(handing_on.manifest(checkpoint), json_dumps_params={"indent": 2})
    response["Content-Disposition"] = f'attachment; filename="{file_name(checkpoint)}.json"'
    return response
