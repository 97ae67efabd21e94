"""The Team page and its dialogs: people, teams and their rules, roles; and with whom a checkpoint is shared."""

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from containers_app.models import AuditEvent, Role, Team
from tests.builders import a_checkpoint, a_container, a_host, a_person, a_role, a_team, a_user, an_admin

from .conftest import assert_same_queries, send, words

pytestmark = pytest.mark.django_db

URL = "/team/"
KEY = {"request_key": "5f0c5a4e-2a43-4b9c-9d6a-8f2f0e3c1a77"}


@pytest.fixture
def admin():
    client = Client()
    client.user = an_admin("ada")
    client.force_login(client.user)
    return client


def test_it_shows_people_with_their_roles_teams_with_their_rules_and_roles(admin):
    red = a_team("red")
    red.rules.create(label="app", value="billing")
    a_person("operator", "olga", team=red)
    text = words(admin.get(URL))
    assert "olga operator in red" in text and "app=billing on any host" in text and "viewer Looks" in text
    assert "Team" in words(admin.get("/")) and "olga" not in words(admin.get(URL, {"q": "nobody"}))


def test_it_takes_as_many_queries_for_one_person_as_for_fifty(admin):
    assert_same_queries(admin, URL, lambda: [a_person("viewer", team=a_team()) for _ in range(40)])


def test_a_person_is_added_and_chooses_a_password_by_the_link(admin):
    red = a_team("red")
    role = Role.objects.get(name="operator").pk
    response = send(admin, "/team/people/new/", **KEY, name="mina", **{f"team_{red.pk}": role})
    link = next(word for word in words(response).split() if word.startswith("http"))
    assert Client().get(link).status_code == 200 and response["Cache-Control"] == "no-store"
    assert get_user_model().objects.get(username="mina").memberships.get().team == red
    assert "is taken" in words(send(admin, "/team/people/new/", **KEY, name="mina"))


def test_a_persons_roles_are_changed_and_a_person_is_kept_out(admin):
    vera, team = a_user("vera"), Team.objects.get(is_default=True)
    url, role = f"/team/people/{vera.pk}/", Role.objects.get(name="auditor").pk
    assert admin.post(url, {**KEY, "active": "on", f"team_{team.pk}": role}).status_code == 302
    assert vera.memberships.get().role_id == role
    admin.post(url, {**KEY, f"team_{team.pk}": role})
    vera.refresh_from_db()
    assert not vera.is_active and "kept out" in words(admin.get(URL))


def test_what_nobody_may_do_to_themselves_is_said_in_the_form(admin):
    response = admin.post(f"/team/people/{admin.user.pk}/", {**KEY, "active": "on"})
    assert response.status_code == 409 and "Nobody would be left" in words(response)


def test_a_team_with_rules_owns_what_falls_under_them(admin):
    container = a_container(config={"labels": {"app": "billing"}})
    assert admin.post("/team/teams/new/", {**KEY, "name": "red", "rules": "* app=billing\nlocal *"}).status_code == 302
    container.refresh_from_db()
    assert container.team.name == "red"
    page = admin.get(f"/team/teams/{container.team_id}/").content.decode()
    assert "* app=billing\nlocal *" in page


@pytest.mark.parametrize("rules", ["app", "nowhere *", "* =x", "* a b"])
def test_a_rule_that_is_none_is_said_beside_the_field(admin, rules):
    a_host()
    response = admin.post("/team/teams/new/", {**KEY, "name": "red", "rules": rules})
    assert response.status_code == 422 and "rules" in response.context["form"].errors
    assert rules in response.content.decode() and not Team.objects.filter(name="red").exists()


def test_a_team_is_removed_and_one_that_owns_something_is_not(admin):
    empty, owner = a_team("empty"), a_team("owner")
    a_container(team=owner)
    assert admin.post(f"/team/teams/{empty.pk}/remove/").status_code == 302
    assert admin.post(f"/team/teams/{owner.pk}/remove/").status_code == 409
    assert not Team.objects.filter(name="empty").exists() and Team.objects.filter(name="owner").exists()


def test_a_role_is_copied_changed_and_removed(admin):
    viewer = Role.objects.get(name="viewer")
    admin.post(f"/team/roles/{viewer.pk}/copy/", {**KEY, "name": "night", "rights": ["restore"]})
    night = Role.objects.get(name="night")
    assert night.rights == ["restore", "see"] and Role.objects.get(pk=viewer.pk).rights == ["see"]
    admin.post(f"/team/roles/{night.pk}/", {**KEY, "name": "night", "purpose": "At night.", "rights": ["exec"]})
    assert AuditEvent.objects.filter(action="role.changed").first().after["rights"] == ["exec", "see"]
    assert admin.post(f"/team/roles/{night.pk}/remove/").status_code == 302
    assert admin.get(f"/team/roles/{viewer.pk}/").status_code == 404
    assert admin.post(f"/team/roles/{a_role('see').pk}/", {**KEY, "name": "viewer"}).status_code == 422


def test_a_checkpoint_is_shared_with_another_team(admin):
    blue, checkpoint = a_team("blue"), a_checkpoint()
    url = f"/catalog/{checkpoint.pk}/share/"
    assert "blue" in words(admin.get(url))
    assert admin.post(url, {**KEY, "teams": [blue.pk]}).status_code == 302
    assert list(checkpoint.shared_with.all()) == [blue]
