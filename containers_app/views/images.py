"""Pages of images: what is in the hosts' storage, pulled, removed and pruned; a restore from a checkpoint image."""

from django.conf import settings
from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from containers_app import access, queries
from containers_app.errors import BadInput
from containers_app.forms.base import ConfirmForm
from containers_app.forms.checkpoints import RestoreForm
from containers_app.forms.images import ImagePruneForm, PullForm
from containers_app.htmx import answer, asked, caller, render_page
from containers_app.models import Host, Image
from containers_app.runtime.types import RestoreOptions
from containers_app.services import checkpoint_images, images, lifecycle, pulls, restores

USERS_SHOWN = 20
page_or_form = require_http_methods(["GET", "HEAD", "POST"])


@require_GET
def image_list(request):
    q = asked(request, "q")
    rows = queries.images(request.user, q=q, host=asked(request, "host"))
    context = {"q": q, "table": queries.paged(rows, request.GET.get("page"))}
    context["rights"] = access.rights_on(request.user, Image())  # the same on every image
    return render_page(request, "image_list", context, fragments=["image_table"])


@page_or_form
def image_pull(request):
    """The form for an image from a registry; as a name is typed, the whole name that it means on the host."""
    access.require(request.user, "create")
    typed = {name: asked(request, name) for name in ("host", "image") if asked(request, name)}
    form = PullForm(request.POST or None, hosts=access.seen_by(request.user, Host.objects.all()), initial=typed)
    operation, status = answer(request, form, lambda values: pulls.request_pull(by=caller(request), **values))
    if operation:
        return redirect("operation_detail", operation.pk)
    context = {"form": form, "allowed": settings.REGISTRIES, **_meant(request, typed)}
    return render_page(request, "image_pull", context, fragments=["dialog", "meant"], status=status)


def _meant(request, typed):
    """{meant}: the whole name, or {why_not}: the reason why there is none; empty before anything was typed."""
    host = queries.one_host(request.user, typed.get("host", ""))
    if not host or not typed.get("image"):
        return {}
    try:
        return {"meant": pulls.whole_name(host, typed["image"])}
    except BadInput as error:
        return {"why_not": str(error)}


@page_or_form
def image_remove(request, pk):
    image = access.get_image_for(request.user, pk, "manage_images")
    form = ConfirmForm(request.POST or None)
    operation, status = answer(
        request, form, lambda values: images.request_image_remove(by=caller(request), image=image, **values)
    )
    if operation:
        return redirect("operation_detail", operation.pk)
    context = {
        "image": image,
        "form": form,
        "users": list(access.seen_by(request.user, images.users(image))[:USERS_SHOWN]),
        "needed_by": images.needed_by(image),
    }
    return render_page(request, "image_remove", context, fragments=["dialog"], status=status)


@page_or_form
def image_prune(request):
    """Podman's own prune of one host's images: what it could take, and after a press the request."""
    access.require(request.user, "manage_images")
    host = queries.one_host(request.user, request.POST.get("host") or asked(request, "host"))
    if host is None:
        raise Http404
    form = ImagePruneForm(request.POST or None)
    operation, status = answer(
        request, form, lambda values: images.request_image_prune(by=caller(request), host=host, **values)
    )
    if operation:
        return redirect("operation_detail", operation.pk)
    context = {"host": host, "form": form, "unused": list(images.unused(host))}
    return render_page(request, "image_prune", context, fragments=["dialog"], status=status)


@page_or_form
def image_restore(request, pk):
    image = access.get_image_for(request.user, pk, "restore")
    own_name = checkpoint_images.own_name(image)
    if not own_name:
        raise Http404
    initial = {"as_new": "on", "name": lifecycle.free_name(image.host, own_name)}
    form = RestoreForm(_sent(request), offered=restores.offered(image.host), initial=initial)
    operation, status = answer(request, form, lambda values: _request_restore(request, image, values))
    if operation:
        messages.info(request, f"Asked {image.host.name} to restore {operation.target_name}.")
        return redirect("operation_detail", operation.pk)
    context = {"image": image, "own_name": own_name, "form": form}
    return render_page(request, "image_restore", context, fragments=["dialog"], status=status)


def _sent(request):
    """What was sent; from an image it is always a new container."""
    return {**request.POST.dict(), "as_new": "on"} if request.method == "POST" else None


def _request_restore(request, image, values):
    own = values["name"] == checkpoint_images.own_name(image)  # without --name it keeps the ID that it had
    ticked = {name: values[name] for name in restores.FLAGS if name in values}
    return checkpoint_images.request_restore_image(
        by=caller(request),
        image=image,
        name="" if own else values["name"],
        options=RestoreOptions(publish=values["publish"], **ticked),
        forced=values["forced"],
        request_key=values["request_key"],
    )
