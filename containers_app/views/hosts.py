"""Pages of hosts: are they there, and can they checkpoint and restore. What the agents last said, from the rows."""

from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from containers_app import access, queries
from containers_app.forms.base import ConfirmForm
from containers_app.forms.hosts import CriuForm
from containers_app.htmx import answer, caller, render_page
from containers_app.services import criu_switches, selftests


@require_GET
def host_list(request):
    return render_page(request, "host_list", {"hosts": queries.hosts(request.user)}, fragments=["host_table"])


@require_GET
def host_detail(request, pk):
    host = access.get_host_for(request.user, pk)
    context = {
        "host": host,
        "selftests": queries.host_selftests(host),
        "proven": queries.proven_versions(host),
        "changes": queries.host_changes(host),
        "criu": criu_switches.now_on(host),
        "rights": access.rights_on(request.user, host),
    }
    return render_page(request, "host_detail", context, fragments=["host_now"])


@require_POST
def host_selftest(request, pk):
    host = access.get_host_for(request.user, pk, "operate")
    form = ConfirmForm(request.POST)
    key = form.cleaned_data["request_key"] if form.is_valid() else None
    operation = selftests.request_selftest(by=caller(request), host=host, request_key=key)
    return redirect("operation_detail", operation.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def host_criu(request, pk):
    host = access.get_host_for(request.user, pk, "manage_hosts")
    now = criu_switches.now_on(host)
    form = CriuForm(request.POST or None, switches=criu_switches.SWITCHES, now=now)
    operation, status = answer(
        request, form,
        lambda values: criu_switches.request_criu_config(
            by=caller(request), host=host, values=form.values(), digest=values["digest"],
            request_key=values["request_key"],
        ),
    )  # fmt: skip
    if operation:
        return redirect("operation_detail", operation.pk)
    return render_page(
        request, "host_criu", {"host": host, "form": form, "now": now}, fragments=["dialog"], status=status
    )
