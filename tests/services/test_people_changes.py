"""Changes of people, teams and roles: what they do, what they refuse, and what the history keeps of them."""

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext

from containers_app import access
from containers_app.errors import BadInput, Conflict, NotAllowed
from containers_app.models import AuditEvent, Checkpoint, Container, Role, Team
from containers_app.services import agent, audit, lifecycle, ownership, people, teams
from tests.builders import (
    a_checkpoint,
    a_container,
    a_host,
    a_member,
    a_person,
    a_team,
    a_user,
    an_admin,
    an_operation,
    an_operator,
    an_outsider,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def by():
    return audit.Caller(user=an_admin("ada"))


def role(name):
    return Role.objects.get(name=name)


def last_event():
    return AuditEvent.objects.first()


def test_a_person_is_added_with_roles_and_gets_a_password_by_a_link(by):
    red = a_team("red")
    mina = people.add_person(by=by, name="mina", roles={red: role("operator")})

    assert access.may(mina, "checkpoint", a_container(team=red)) and not mina.has_usable_password()
    assert last_event().action == "person.added"
    assert last_event().after == {"name": "mina", "active": True, "superuser": False, "roles": {"red": "operator"}}
    uid, token = people.recovery_path(by=by, user=mina)
    assert people.person_of_link(uid, token) == mina
    people.set_password(by=by, user=mina, password="a long phrase of words")
    assert people.person_of_link(uid, token) is None
    assert people.person_of_link("??", token) is None


@pytest.mark.parametrize("name", ["ada", "ADA", "a b", "", "x" * 151])
def test_a_name_that_is_none_or_is_taken_is_refused(by, name):
    with pytest.raises(BadInput):
        people.add_person(by=by, name=name, roles={})


def test_a_change_of_roles_is_in_the_history_with_before_and_after(by):
    vera = a_user("vera")
    people.change_person(by=by, user=vera, roles={}, superuser=False, active=True)

    assert last_event().before["roles"] == {"Default": "viewer"} and last_event().after["roles"] == {}
    people.change_person(by=by, user=vera, roles={}, superuser=False, active=True)
    assert AuditEvent.objects.filter(action="person.changed").count() == 1


def test_nobody_locks_everybody_out(by):
    with pytest.raises(Conflict):
        people.change_person(by=by, user=by.user, roles={}, superuser=False, active=True)
    an_admin()
    with pytest.raises(Conflict):
        people.change_person(by=by, user=by.user, roles={}, superuser=True, active=False)


def test_only_a_superuser_touches_superusers():
    lesser = audit.Caller(user=a_person("admin"))
    with pytest.raises(NotAllowed):
        people.add_person(by=lesser, name="mina", roles={}, superuser=True)
    with pytest.raises(NotAllowed):
        people.recovery_path(by=lesser, user=an_admin())
    with pytest.raises(NotAllowed):
        people.change_person(by=lesser, user=an_admin(), roles={}, superuser=True, active=False)


@pytest.mark.parametrize("who", [a_user, an_operator, an_outsider, lambda: a_person("admin", team=a_team())])
def test_who_does_not_manage_people_changes_none(who):
    by, red = audit.Caller(user=who()), a_team()
    for refused in (
        lambda: people.add_person(by=by, name="x", roles={}),
        lambda: people.change_person(by=by, user=by.user, roles={}, superuser=False, active=True),
        lambda: people.recovery_path(by=by, user=a_user()),
        lambda: teams.add_team(by=by, name="x"),
        lambda: teams.set_rules(by=by, team=red, rules=[]),
        lambda: teams.remove_team(by=by, team=red),
        lambda: teams.copy_role(by=by, role=role("viewer"), name="x"),
    ):
        with pytest.raises(NotAllowed):
            refused()


def test_an_easy_password_is_refused():
    vera = a_user("verasnamelong")
    for password in ("short", "password1234", "verasnamelong"):
        with pytest.raises(BadInput) as refusal:
            people.set_password(by=audit.Caller(user=vera), user=vera, password=password)
        assert refusal.value.field == "password"


def test_a_rule_gives_containers_their_checkpoints_and_operations_to_a_team(by):
    red = a_team("red")
    labelled = a_container(config={"labels": {"app": "billing"}})
    taken, other = a_checkpoint(container=labelled), a_container(host=a_host("far"))
    apart = a_checkpoint(container=labelled, team=a_team())

    assert teams.set_rules(by=by, team=red, rules=[{"host": None, "label": "app", "value": "billing"}]) == 1
    for row in (labelled, taken, taken.operation, apart, other):
        row.refresh_from_db()
    assert labelled.team == taken.team == taken.operation.team == red
    assert other.team.is_default and apart.team != red
    assert last_event().after == {"rules": ["app=billing on any host"]}

    assert teams.set_rules(by=by, team=red, rules=[{"host": other.host, "label": "", "value": ""}]) == 2
    other.refresh_from_db()
    assert other.team == red


@pytest.mark.parametrize("label", ["app", "io.podman/a.b", 'a"b', "a'b", "a]b", "1", "é", "a\\b", "%s", "$.x"])
def test_the_database_and_the_inventory_judge_alike_whatever_a_label_is_called(by, label):
    red, blue = a_team(), a_team()
    host, every = a_host("far"), [{label: "x"}, {label: ""}, {"other": "x"}, {}]
    containers = [a_container(host=place, config={"labels": labels}) for place in (a_host(), host) for labels in every]
    containers.append(a_container(config={}))
    teams.set_rules(by=by, team=red, rules=[{"host": host, "label": label, "value": "x"}])
    teams.set_rules(by=by, team=blue, rules=[{"host": None, "label": label, "value": ""}])
    owners = {row.pk: ownership.owner(row.host_id, row.config.get("labels", {})) for row in containers}
    assert len(set(owners.values())) == 3
    assert dict(Container.objects.values_list("pk", "team")) == owners


def test_however_much_moves_it_takes_the_same_number_of_queries(by):
    red, taken = a_team(), []
    for number in (1, 20):
        for _ in range(number):
            a_checkpoint()
        with CaptureQueriesContext(connection) as queries:
            teams.set_rules(by=by, team=red, rules=[{"host": None, "label": "", "value": ""}])
        taken.append(len(queries))
        assert not Checkpoint.objects.exclude(team=red).exists()
        teams.set_rules(by=by, team=red, rules=[])
    assert taken[0] == taken[1]


def test_what_a_team_had_made_stays_its_own_whatever_the_rules_say(by):
    red, blue = a_team(), a_team()
    made = a_container(team=blue, made_for=blue, config={"labels": {"app": "billing"}})
    teams.set_rules(by=by, team=red, rules=[{"host": None, "label": "app", "value": ""}])
    made.refresh_from_db()
    assert made.team == blue


def test_a_team_that_owns_something_and_the_default_one_stay(by):
    red = a_team()
    container = a_container(team=red)
    with pytest.raises(Conflict):
        teams.remove_team(by=by, team=red)
    with pytest.raises(Conflict):
        teams.remove_team(by=by, team=Team.objects.get(is_default=True))
    container.delete()
    teams.remove_team(by=by, team=red)
    assert last_event().action == "team.removed"


def test_built_in_roles_stay_and_their_copies_are_changed(by):
    with pytest.raises(Conflict):
        teams.change_role(by=by, role=role("viewer"), name="viewer", purpose="", rights=["exec"])
    night = teams.copy_role(by=by, role=role("viewer"), name="night")
    with pytest.raises(BadInput):
        teams.change_role(by=by, role=night, name="night", purpose="", rights=["fly"])
    teams.change_role(by=by, role=night, name="night", purpose="At night.", rights=["restore"])
    assert night.rights == ["restore", "see"]
    assert last_event().before["rights"] == ["see"] and last_event().after["rights"] == ["restore", "see"]
    a_member(a_user(), "night")
    with pytest.raises(Conflict):
        teams.remove_role(by=by, role=night)
    with pytest.raises(BadInput):
        teams.copy_role(by=by, role=night, name="viewer")


def test_sharing_is_an_event_of_the_team_that_owns_it(by):
    red, blue = a_team("red"), a_team("blue")
    checkpoint = a_checkpoint(team=red)
    teams.share(by=by, checkpoint=checkpoint, teams=[blue, red])

    assert list(checkpoint.shared_with.all()) == [blue]
    assert last_event().team == red and last_event().after == {"shared with": ["blue"]}
    with pytest.raises(NotAllowed):
        teams.share(by=audit.Caller(user=a_person("operator", team=blue)), checkpoint=checkpoint, teams=[])


def test_what_was_asked_for_before_a_right_was_taken_away_is_refused_by_the_agent(by):
    olga, container = an_operator("olga"), a_container(state="exited")
    operation = lifecycle.request_act(by=audit.Caller(user=olga), container=container, kind="start")
    people.change_person(
        by=by, user=olga, roles={Team.objects.get(is_default=True): role("viewer")}, superuser=False, active=True
    )

    agent.run(operation.pk)

    operation.refresh_from_db()
    assert operation.state == "failed" and operation.failure == "not-allowed" and operation.commands == []
    event = last_event()
    assert (event.action, event.result, event.actor_role) == ("start.refused", "refused", "viewer")
    assert event.sentence.startswith(f"was refused to start {container.name}: You may not change this.")


def test_what_a_person_asked_for_who_was_kept_out_since_is_refused_as_well(by):
    olga = an_operator("olga")
    operation = an_operation(kind="stop", requested_by=olga)
    people.change_person(by=by, user=olga, roles={}, superuser=False, active=False)
    agent.run(operation.pk)
    operation.refresh_from_db()
    assert operation.failure == "not-allowed"
    assert not get_user_model().objects.get(pk=olga.pk).is_active
