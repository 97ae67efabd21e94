"""Pages of hosts: are they there, and can they checkpoint and restore. What the agents last said, from the rows."""

from django.views.decorators.http import require_GET

from containers_app import access, queries
from containers_app.htmx import render_page


@require_GET
def host_list(request):
    return render_page(request, "host_list", {"hosts": queries.hosts()}, fragments=["host_table"])


@require_GET
def host_detail(request, pk):
    host = access.get_host_for(request.user, pk)
    return render_page(request, "host_detail", {"host": host}, fragments=["host_now"])
