"""The history's page: who did what. Reads only; nobody changes an event."""

from django.views.decorators.http import require_GET

from containers_app import queries
from containers_app.htmx import asked, render_page


@require_GET
def audit_list(request):
    q, action, container = asked(request, "q"), asked(request, "action"), asked(request, "container")
    rows = queries.audit_events(q=q, action=action, container=container)
    context = {
        "q": q,
        "action": action,
        "actions": queries.audit_actions(),
        "container": container,
        "table": queries.paged(rows, request.GET.get("page")),
    }
    return render_page(request, "audit_list", context, fragments=["audit_table"])
