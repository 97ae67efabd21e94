"""Pages of the history: the list with its filters, its export, and what proves it. Nobody changes an event."""

from django.contrib import messages
from django.http import StreamingHttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from containers_app import access, exports, history
from containers_app.forms.audit import HistoryForm
from containers_app.htmx import caller, render_page
from containers_app.runtime import chain
from containers_app.services import audit, evidence


@require_GET
def audit_list(request):
    access.require(request.user, "read_audit")
    form = HistoryForm(request.GET)
    filters = form.filters()
    choices = history.choices(request.user)
    context = {
        "form": form,
        "filters": filters,
        "choices": choices,
        "results": history.RESULTS,
        "table": history.page(history.events(request.user, **filters), **form.place()),
        "days": history.days(request.user, filters.get("until")),
        "newest": history.newest(),
        "head": history.last_head(),
        "verifications": history.verifications(most=2),
        "may_export": access.may(request.user, "export_audit"),
    }
    return render_page(request, "audit_list", context, fragments=["audit_table", "audit_status"])


@require_POST
def audit_export(request):
    """The filtered events as a file, oldest first. That somebody took it is an event, written before the first line."""
    access.require(request.user, "export_audit")
    form = HistoryForm(request.POST)
    filters, kind = form.filters(), exports.KINDS.get(request.POST.get("format"), exports.JSON_LINES)
    exported = audit.record(
        by=caller(request),
        action="audit.exported",
        sentence=f"exported the history as {kind.words}",
        details={"filters": {name: str(value) for name, value in filters.items()}, "format": kind.ending},
    )
    rows = access.held_by(request.user, history.events(request.user, **filters), "export_audit").filter(
        pk__lt=exported.pk
    )
    response = StreamingHttpResponse(exports.stream(rows, kind), content_type=kind.content_type)
    name = f"freezeframe-audit-{timezone.now():%Y%m%d-%H%M%S}.{kind.ending}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Accel-Buffering"] = "no"
    return response


@require_GET
def audit_evidence(request):
    access.require(request.user, "read_audit")
    context = {
        "newest": history.newest(),
        "head": history.last_head(),
        "verifications": history.verifications(),
        "sinks": history.sinks(),
        "seals": history.seals(),
        "not_proven": [line.removeprefix("- ") for line in chain.NOT_PROVEN.splitlines()[1:]],
        "may_verify": access.may(request.user, "verify_audit"),
    }
    return render_page(request, "audit_evidence", context, fragments=["audit_proof"])


@require_POST
def audit_verify(request):
    access.require(request.user, "verify_audit")
    evidence.request_verification(by=caller(request))
    messages.info(request, "Asked the agent that holds the key to verify the history.")
    return redirect("audit_evidence")
