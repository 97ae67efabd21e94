"""Pages of policies: what happens by itself, seen by all, changed by who may manage policies."""

from datetime import timedelta

from django.http import Http404
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from containers_app import access, queries
from containers_app.forms.policies import DrillScheduleForm, ScrubScheduleForm
from containers_app.htmx import answer, caller, render_page
from containers_app.services import policies, reviews

FORMS = {policies.Work.SCRUB: ScrubScheduleForm, policies.Work.DRILL: DrillScheduleForm}


@require_GET
def policy_list(request):
    scrub, drill = (policies.schedule(work) for work in FORMS)
    trust = queries.trust_of_catalog(request.user)
    context = {
        "scrub": scrub,
        "drill": drill,
        "scope": policies.SCOPES[drill.values["scope"]],
        "trust": trust,
        "imports": reviews.rules(reviews.policy()),
        "next_read": _due(trust["oldest_read"], scrub),
        "may_manage": access.may(request.user, "manage_policies"),
    }
    return render_page(request, "policy_list", context, fragments=["policy_schedules"])


def _due(last, schedule):
    """When it is due next, not in the past; None where nothing is."""
    if not last or not schedule.enabled:
        return None
    return max(last + timedelta(hours=schedule.every_hours), timezone.now())


@require_http_methods(["GET", "HEAD", "POST"])
def policy_schedule(request, work):
    access.require(request.user, "manage_policies")
    if work not in FORMS:
        raise Http404
    found = policies.schedule(work)
    now = {"enabled": found.enabled, "every_hours": found.every_hours, **found.values}
    form = FORMS[work](request.POST or None, initial=now)
    changed, status = answer(request, form, lambda values: _change(request, work, values))
    if changed:
        return redirect("policy_list")
    context = {"schedule": found, "form": form}
    return render_page(request, "policy_schedule", context, fragments=["dialog"], status=status)


def _change(request, work, values):
    rest = {name: value for name, value in values.items() if name not in {"request_key", "enabled", "every_hours"}}
    return policies.change(
        by=caller(request), work=work, enabled=values["enabled"], every_hours=values["every_hours"], values=rest
    )
