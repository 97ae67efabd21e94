"""The lineage of a container and of a checkpoint: the same family, seen from either."""

from django.views.decorators.http import require_GET

from containers_app import access, families, lineage
from containers_app.htmx import render_page

NEAR = 14  # nodes where the drawing is one part of a page among others


@require_GET
def container_lineage(request, pk):
    container = access.get_container_for(request.user, pk)
    context = {"container": container, **_drawn(request, container.pk, container)}
    return render_page(request, "container_lineage", context, fragments=["lineage"])


@require_GET
def checkpoint_lineage(request, pk):
    checkpoint = access.get_checkpoint_for(request.user, pk)
    context = {
        "checkpoint": checkpoint,
        "tags": checkpoint.tags.all(),
        "rights": access.rights_on(request.user, checkpoint),
        **_drawn(request, checkpoint.container_id, checkpoint),
    }
    return render_page(request, "checkpoint_lineage", context, fragments=["lineage"])


def _drawn(request, container_pk, here):
    """Folded when it is large: all of it where `all` says so, only what is near where `near` does."""
    everything, near = (request.GET.get(name) == "yes" for name in ("all", "near"))
    root = families.family_of(request.user, container_pk, here=here)
    if near:
        drawing = lineage.draw(lineage.nearby(root), most=NEAR)
    else:
        drawing = lineage.draw(root, most=None if everything else families.MOST)
    return {"drawing": drawing, "everything": everything}
