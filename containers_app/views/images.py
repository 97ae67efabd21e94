"""The images' page: what is in the hosts' storage; and a restore from a checkpoint image."""

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from containers_app import access, queries
from containers_app.forms import RestoreForm
from containers_app.htmx import answer, asked, caller, render_page
from containers_app.runtime.types import RestoreOptions
from containers_app.services import checkpoint_images, lifecycle, restores


@require_GET
def image_list(request):
    q = asked(request, "q")
    rows = queries.images(q=q, host=asked(request, "host"))
    context = {"q": q, "table": queries.paged(rows, request.GET.get("page"))}
    return render_page(request, "image_list", context, fragments=["image_table"])


@require_http_methods(["GET", "HEAD", "POST"])
def image_restore(request, pk):
    image = access.get_image_for(request.user, pk, "operate")
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
        request_key=values["request_key"],
    )
