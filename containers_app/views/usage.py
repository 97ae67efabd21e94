"""What a container uses now, and its processes, as the watcher last sampled them."""

from django.views.decorators.http import require_GET

from containers_app import access, signals
from containers_app.htmx import render_page


@require_GET
def container_stats(request, pk):
    container = access.get_container_for(request.user, pk)
    signals.want_log(container)
    context = {"container": container, "usage": signals.read_usage([container]).get(pk)}
    return render_page(request, "container_stats", context, fragments=["container_usage"])
