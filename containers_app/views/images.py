"""The images' page: what is in the hosts' storage. Reads only."""

from django.views.decorators.http import require_GET

from containers_app import queries
from containers_app.htmx import asked, render_page


@require_GET
def image_list(request):
    q = asked(request, "q")
    rows = queries.images(q=q, host=asked(request, "host"))
    context = {"q": q, "table": queries.paged(rows, request.GET.get("page"))}
    return render_page(request, "image_list", context, fragments=["image_table"])
