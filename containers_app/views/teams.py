"""The Team page: people, teams and what they own, roles and their rights; and with whom a checkpoint is shared."""

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.db.models import Count, Prefetch
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from containers_app import access, queries
from containers_app.forms.people import PersonForm, RoleForm, ShareForm, TeamForm
from containers_app.htmx import answer, caller, render_page
from containers_app.models import Host, Membership, Role, Team, TeamRule
from containers_app.services import people, second_factor, teams
from containers_app.signins import require_proof

page_or_form = require_http_methods(["GET", "HEAD", "POST"])


@require_GET
def team_list(request):
    access.require(request.user, "manage_people")
    rows = get_user_model().objects.filter(service_account=None).order_by("-is_active", "username")
    context = {
        "q": request.GET.get("q", "")[:150],
        "teams": Team.objects.prefetch_related(Prefetch("rules", TeamRule.objects.select_related("host"))).annotate(
            number=Count("memberships")
        ),
        "roles": Role.objects.annotate(number=Count("memberships")),
        "rights": access.RIGHTS,
    }
    if context["q"]:
        rows = rows.filter(username__icontains=context["q"])
    held = Prefetch("memberships", Membership.objects.select_related("team", "role"))
    rows = second_factor.told_of(rows.prefetch_related(held, "sign_ins"))
    context["people"] = queries.paged(rows, request.GET.get("page"))
    return render_page(request, "team_list", context, fragments=["team_people"])


@page_or_form
def person_add(request):
    access.require(request.user, "manage_people")
    _prove_post(request)
    form = PersonForm(request.POST or None, teams=Team.objects.all(), roles=Role.objects.all())
    person, status = answer(request, form, lambda values: people.add_person(by=caller(request), **form.values()))
    if person:
        return _with_link(request, person)
    return render_page(request, "person_add", {"form": form}, fragments=["dialog"], status=status)


@page_or_form
def person_edit(request, pk):
    access.require(request.user, "manage_people")
    person = get_object_or_404(get_user_model(), pk=pk)
    _prove_post(request)
    form = PersonForm(request.POST or None, teams=Team.objects.all(), roles=Role.objects.all(), person=person)
    done, status = answer(
        request, form, lambda values: people.change_person(by=caller(request), user=person, **form.values())
    )
    if done:
        messages.info(request, f"What {person} may do is changed, from the next click on.")
        return redirect("team_list")
    return render_page(request, "person_edit", {"form": form, "person": person}, fragments=["dialog"], status=status)


@never_cache
@require_POST
def person_recover(request, pk):
    """The link by which a person chooses a password: shown once, to whoever made it."""
    access.require(request.user, "manage_people")
    require_proof(request)
    return _with_link(request, get_object_or_404(get_user_model(), pk=pk))


@require_POST
def person_sign_out(request, pk):
    """Every session of that person ends at once."""
    access.require(request.user, "manage_people")
    require_proof(request)
    person = get_object_or_404(get_user_model(), pk=pk)
    ended = people.sign_out(by=caller(request), user=person)
    messages.info(request, f"{person} is signed out of {ended} session{'' if ended == 1 else 's'}.")
    return redirect("team_list")


@require_POST
def person_second_factor(request, pk):
    """Somebody has lost their second factor: the password alone lets them in, until they set up another."""
    access.require(request.user, "manage_people")
    require_proof(request)
    person = get_object_or_404(get_user_model(), pk=pk)
    second_factor.remove(by=caller(request), user=person)
    messages.info(request, f"{person} signs in with the password alone, and is signed out everywhere.")
    return redirect("team_list")


def _with_link(request, person):
    uid, token = people.recovery_path(by=caller(request), user=person)
    link = request.build_absolute_uri(reverse("recover", args=[uid, token]))
    response = render_page(request, "person_recover", {"person": person, "link": link}, fragments=["dialog"])
    response["Cache-Control"] = "no-store"
    return response


@page_or_form
def team_add(request):
    access.require(request.user, "manage_people")
    _prove_post(request)
    form = TeamForm(request.POST or None, hosts=Host.objects.all())
    team, status = answer(request, form, lambda values: _save_team(request, None, values))
    if team:
        return redirect("team_list")
    return render_page(request, "team_add", {"form": form}, fragments=["dialog"], status=status)


@page_or_form
def team_edit(request, pk):
    access.require(request.user, "manage_people")
    team = get_object_or_404(Team, pk=pk)
    _prove_post(request)
    now = {"name": team.name, "rules": TeamForm.written(team.rules.select_related("host"))}
    form = TeamForm(request.POST or None, hosts=Host.objects.all(), initial=now)
    done, status = answer(request, form, lambda values: _save_team(request, team, values))
    if done:
        return redirect("team_list")
    return render_page(request, "team_edit", {"form": form, "team": team}, fragments=["dialog"], status=status)


def _save_team(request, team, values):
    if team is None:
        team = teams.add_team(by=caller(request), name=values["name"])
    else:
        teams.rename_team(by=caller(request), team=team, name=values["name"])
    moved = teams.set_rules(by=caller(request), team=team, rules=values["rules"])
    messages.info(request, f"{team} is saved. {moved} container{'' if moved == 1 else 's'} changed hands.")
    return team


@require_POST
def team_remove(request, pk):
    access.require(request.user, "manage_people")
    require_proof(request)
    team = get_object_or_404(Team, pk=pk)
    teams.remove_team(by=caller(request), team=team)
    messages.info(request, f"The team {team.name} is removed.")
    return redirect("team_list")


@page_or_form
def role_copy(request, pk):
    """A copy, with another name and as many changes as are ticked."""
    access.require(request.user, "manage_people")
    role = get_object_or_404(Role, pk=pk)
    _prove_post(request)
    initial = {"name": f"{role.name[:11]}-copy", "purpose": role.purpose, "rights": role.rights}
    form = RoleForm(request.POST or None, initial=initial)
    made, status = answer(request, form, lambda values: _save_role(request, role, values, copy=True))
    if made:
        return redirect("team_list")
    return render_page(request, "role_copy", {"form": form, "role": role}, fragments=["dialog"], status=status)


@page_or_form
def role_edit(request, pk):
    access.require(request.user, "manage_people")
    role = get_object_or_404(Role, pk=pk, built_in=False)
    _prove_post(request)
    initial = {"name": role.name, "purpose": role.purpose, "rights": role.rights}
    form = RoleForm(request.POST or None, initial=initial)
    done, status = answer(request, form, lambda values: _save_role(request, role, values, copy=False))
    if done:
        return redirect("team_list")
    return render_page(request, "role_edit", {"form": form, "role": role}, fragments=["dialog"], status=status)


def _save_role(request, role, values, *, copy):
    by = caller(request)
    role = teams.copy_role(by=by, role=role, name=values["name"]) if copy else role
    teams.change_role(by=by, role=role, name=values["name"], purpose=values["purpose"], rights=values["rights"])
    messages.info(request, f"The role {role} is saved.")
    return role


@require_POST
def role_remove(request, pk):
    access.require(request.user, "manage_people")
    require_proof(request)
    role = get_object_or_404(Role, pk=pk, built_in=False)
    teams.remove_role(by=caller(request), role=role)
    messages.info(request, f"The role {role.name} is removed.")
    return redirect("team_list")


@page_or_form
def checkpoint_share(request, pk):
    """With which other teams a checkpoint is shared: they may see it, restore and clone it."""
    checkpoint = access.get_checkpoint_for(request.user, pk, "share")
    others = Team.objects.exclude(pk=checkpoint.team_id)
    form = ShareForm(request.POST or None, teams=others, initial={"teams": checkpoint.shared_with.all()})
    done, status = answer(
        request, form,
        lambda values: teams.share(by=caller(request), checkpoint=checkpoint, teams=values["teams"]) or True,
    )  # fmt: skip
    if done:
        return redirect("checkpoint_detail", pk)
    context = {"checkpoint": checkpoint, "form": form, "others": others}
    return render_page(request, "checkpoint_share", context, fragments=["dialog"], status=status)


def _prove_post(request):
    """Who may do what is changed by whoever has just shown who they are."""
    if request.method == "POST":
        require_proof(request)
