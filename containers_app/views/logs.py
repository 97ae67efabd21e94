"""A container's log: the lines at hand as a page and a fragment, and the whole of it as a text to keep.

Knows forms and services; what the agent has put into Redis is all that it reads.
"""

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET

from containers_app import access, operations_shown, queries, signals
from containers_app.errors import BadInput, Conflict
from containers_app.forms.containers import LogForm
from containers_app.harmless import harmless_line
from containers_app.htmx import render_page
from containers_app.services import log_copies


@require_GET
def container_log(request, pk):
    container = access.get_container_for(request.user, pk)
    signals.want_log(container)
    form = LogForm(request.GET if set(request.GET) & set(LogForm.base_fields) else None, initial={"timestamps": True})
    chosen = form.cleaned_data if form.is_bound and form.is_valid() else {"timestamps": True}
    operations = queries.container_operations(request.user, container)
    lines = operations_shown.log_with_cuts(signals.read_log(container), operations)
    wanted = {name: chosen[name] for name in ("since", "tail", "q") if name in chosen}
    context = {
        "container": container,
        "form": form,
        "times": chosen.get("timestamps"),
        "lines": operations_shown.chosen_lines(lines, **wanted),
        "query": request.GET.urlencode(),
    }
    status = 422 if form.is_bound and form.errors else 200
    return render_page(request, "container_log", context, fragments=["log_lines"], status=status)


@require_GET
async def container_log_download(request, pk):
    """The log as Podman has it, streamed while the host's agent reads it."""
    user = await request.auser()
    container = await sync_to_async(access.get_container_for)(user, pk)
    if container.removed_at:
        raise Conflict(f"{container.name} was removed, and its log with it.")
    form = LogForm(request.GET)
    if not form.is_valid():
        raise BadInput(" ".join(error for errors in form.errors.values() for error in errors))
    chosen = form.cleaned_data
    since = chosen["since"].isoformat() if chosen["since"] else ""
    text = await log_copies.fetch(container, **{**chosen, "since": since})
    response = StreamingHttpResponse(text, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(True, f"{harmless_line(container.name)}.log")
    response["Cache-Control"] = "no-store"
    return response
