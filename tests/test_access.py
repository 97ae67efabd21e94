"""Rights: who holds which on what, and what people are told who do not."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.http import Http404
from django.test.utils import CaptureQueriesContext

from containers_app import access
from containers_app.errors import NotAllowed
from containers_app.models import AuditEvent, Checkpoint, Container, Host, Inspection, Operation, Role, Tag, Team
from tests.builders import (
    a_checkpoint,
    a_container,
    a_host,
    a_member,
    a_person,
    a_role,
    a_team,
    a_user,
    an_admin,
    an_event,
    an_operation,
    an_operator,
    an_outsider,
)

pytestmark = pytest.mark.django_db

BUILT_IN = ("viewer", "operator", "auditor", "admin")


@pytest.fixture
def default_team():
    return Team.objects.get(is_default=True)


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("right", access.RIGHTS)
def test_a_person_holds_the_rights_of_their_role_in_the_team_that_owns_it(name, right):
    person, rights = a_person(name), Role.objects.get(name=name).rights

    assert access.may(person, right, a_container()) == (right in rights)
    assert access.may(person, right) == (right in rights)


def test_the_built_in_roles_name_rights_that_there_are_and_the_admin_holds_every_one():
    """A new right needs a migration that gives it to the built-in roles."""
    roles = {role.name: set(role.rights) for role in Role.objects.filter(built_in=True)}

    assert set(roles) == set(BUILT_IN)
    assert roles["admin"] == set(access.RIGHTS)
    assert roles["viewer"] < roles["operator"] < roles["admin"]
    assert roles["auditor"] - roles["viewer"] == {"read_audit", "export_audit", "verify_audit"}


@pytest.mark.parametrize("right", access.RIGHTS)
def test_nobody_who_has_left_or_is_in_no_team_holds_any_right(right):
    for person in (None, AnonymousUser(), an_admin(is_active=False), an_outsider()):
        assert not access.may(person, right)
        assert not access.may(person, right, a_container())
    assert access.rights_on(an_outsider()) == frozenset()


def test_a_superuser_holds_every_right_in_every_team_without_a_membership():
    alone = an_outsider(is_superuser=True)

    assert access.rights_on(alone, a_container(team=a_team())) == frozenset(access.RIGHTS)


def test_who_lacks_a_right_is_told_so():
    with pytest.raises(NotAllowed) as refusal:
        access.require(a_user(), "operate")

    assert str(refusal.value) == "You may not change this."
    assert refusal.value.remedy == "That needs another role in the team: ask an administrator."


def test_a_right_that_there_is_not_is_a_mistake_and_no_refusal():
    with pytest.raises(KeyError):
        access.may(an_operator(), "fly")


def test_a_role_in_one_team_is_none_in_another():
    red, blue = a_team(), a_team()
    olga = a_member(a_person("operator", team=red), "viewer", team=blue)

    assert access.may(olga, "checkpoint", a_container(team=red))
    assert not access.may(olga, "checkpoint", a_container(team=blue))
    assert access.may(olga, "see", a_container(team=blue))
    assert not access.may(olga, "see", a_container())


def test_rights_over_the_house_are_those_of_the_default_team(default_team):
    elsewhere, here = a_person("admin", team=a_team()), a_person("admin")

    for right in access.HOUSE:
        assert not access.may(elsewhere, right) and access.may(here, right)
    assert access.may(elsewhere, "see", a_host()) and not access.may(elsewhere, "manage_hosts", a_host())
    assert access.may(elsewhere, "create", a_host()) and not access.may(elsewhere, "operate", a_host())


def test_a_shared_checkpoint_may_be_seen_restored_and_cloned_and_nothing_more():
    red, blue = a_team(), a_team()
    shared = a_checkpoint(team=red)
    shared.shared_with.add(blue)
    olga, vera = a_person("operator", team=blue), a_person("viewer", team=blue)

    assert access.rights_on(olga, shared) == access.SHARED
    assert access.rights_on(vera, shared) == {"see"}
    assert not access.may(olga, "discard", shared) and not access.may(olga, "see", shared.container)
    assert list(access.seen_by(vera, Checkpoint.objects.all())) == [shared]


def test_lists_hold_what_the_persons_teams_own_and_nothing_else(default_team):
    red, blue = a_team(), a_team()
    for team in (red, blue):
        container = a_container(team=team)
        taken = a_checkpoint(container=container)
        Inspection.objects.create(checkpoint=taken, facts={})
        an_event(team=team)
    reader = a_person("auditor", team=red)

    for model in (Container, Checkpoint, Operation, AuditEvent):
        assert {row.team for row in access.seen_by(reader, model.objects.all())} == {red}
        assert not access.seen_by(an_outsider(), model.objects.all())
        assert not access.seen_by(AnonymousUser(), model.objects.all())
    assert [row.checkpoint.team for row in access.seen_by(reader, Inspection.objects.all())] == [red]
    assert Host.objects.count() == len(access.seen_by(reader, Host.objects.all()))
    assert not access.seen_by(an_outsider(), Host.objects.all())


def test_what_belongs_to_no_team_is_seen_by_all_and_its_events_are_the_default_teams(default_team):
    selftest = an_operation(kind="selftest", container=None, host=a_host())
    event = an_event(team=None)
    elsewhere, here = a_person("auditor", team=a_team()), a_person("auditor")

    assert access.may(elsewhere, "see", selftest) and not access.may(elsewhere, "operate", selftest)
    assert list(access.seen_by(elsewhere, Operation.objects.all())) == [selftest]
    assert list(access.seen_by(here, AuditEvent.objects.all())) == [event]
    assert not access.seen_by(elsewhere, AuditEvent.objects.all())


def test_rows_of_which_nobody_has_said_whose_they_are_are_seen_by_nobody():
    with pytest.raises(KeyError):
        access.seen_by(an_admin(), Tag.objects.all())


def test_rows_on_which_a_right_is_held():
    red, blue = a_team(), a_team()
    mine, seen = a_container(team=red), a_container(team=blue)
    olga = a_member(a_person("operator", team=red), "viewer", team=blue)

    assert list(access.held_by(olga, Container.objects.all(), "operate")) == [mine]
    assert set(access.seen_by(olga, Container.objects.all())) == {mine, seen}


def test_outsiders_get_not_found_and_who_may_only_look_is_refused():
    red = a_team()
    container = a_container(team=red)

    with pytest.raises(Http404):
        access.get_container_for(an_operator(), container.pk)
    assert access.get_container_for(a_person("viewer", team=red), container.pk) == container
    with pytest.raises(NotAllowed) as refusal:
        access.get_container_for(a_person("viewer", team=red), container.pk, "operate")
    assert refusal.value.about == container


def test_a_tokens_scope_narrows_its_persons_rights():
    olga = an_operator()
    olga.scope = frozenset({"see", "manage_hosts"})

    assert access.rights_on(olga) == {"see"}
    assert not access.may(olga, "checkpoint", a_container())
    root = an_admin()
    root.scope = frozenset({"checkpoint"})
    assert access.rights_on(root) == {"checkpoint"} and not access.seen_by(root, Container.objects.all())


def test_a_role_of_ones_own_holds_the_rights_that_it_lists():
    a_role("see", "restore", name="night")
    person = a_person("night")

    assert access.rights_on(person, a_container()) == {"see", "restore"}


def test_what_a_person_makes_is_of_the_team_where_they_may(default_team):
    red = a_team()
    both = a_member(a_person("operator", team=red), "operator")

    assert access.team_for(both, "create") == default_team
    assert access.team_for(both, "restore", on=a_checkpoint(container=a_container(team=red))) == red
    assert access.team_for(a_person("operator", team=red), "create") == red
    assert access.team_for(a_user(), "create") is None
    assert access.team_for(None, "create") == default_team


def test_a_persons_teams_are_read_once_and_a_superusers_never():
    container, olga, root = a_container(), an_operator(), an_admin()
    with CaptureQueriesContext(connection) as taken:
        access.may(olga, "see")
        access.rights_on(olga, container)
        access.may(root, "see", container)
    assert len(taken) == 1
