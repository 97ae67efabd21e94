"""Teams, their rules, roles, and the sharing of checkpoints. Each change is an event with before and after."""

from django.db import IntegrityError, transaction

from containers_app import access
from containers_app.errors import BadInput, Conflict
from containers_app.models import Checkpoint, Container, Operation, Role, Team, TeamRule

from . import audit, doorbell, ownership


def add_team(*, by, name):
    """A team that owns nothing yet. Raises BadInput for a name that is taken."""
    access.require(by.user, "manage_people")
    with transaction.atomic():
        team = _saved(Team(name=name.strip()))
        _told(by, "team.added", f"added the team {team}", after={"name": team.name})
    return team


def rename_team(*, by, team, name):
    access.require(by.user, "manage_people")
    before, name = team.name, name.strip()
    if name == before:
        return
    with transaction.atomic():
        team.name = name
        _saved(team)
        _told(by, "team.renamed", f"renamed the team {before} to {name}", {"name": before}, {"name": name})


def remove_team(*, by, team):
    """Raises Conflict for the default team, and for one that owns something."""
    access.require(by.user, "manage_people")
    if team.is_default:
        raise Conflict("The default team stays: it owns what no rule gives to another one.")
    if any(model.objects.filter(team=team).exists() for model in (Container, Checkpoint, Operation)):
        raise Conflict(
            f"{team} owns containers, checkpoints or operations.",
            remedy="Change its rules, so that they go to another team, then try again.",
        )
    with transaction.atomic():
        before = {"name": team.name, "members": [str(row.user) for row in team.memberships.select_related("user")]}
        Container.objects.filter(made_for=team).update(made_for=None)
        team.delete()
        _told(by, "team.removed", f"removed the team {before['name']}", before)


def set_rules(*, by, team, rules):
    """The team's rules are these from now on: [{host, label, value}]; what falls under them goes to the team at once.

    Returns how many containers moved.
    """
    access.require(by.user, "manage_people")
    with transaction.atomic():
        before = [str(rule) for rule in team.rules.select_related("host")]
        team.rules.all().delete()
        TeamRule.objects.bulk_create(TeamRule(team=team, **rule) for rule in rules)
        moved = ownership.apply_rules()
        after = [str(rule) for rule in team.rules.select_related("host")]
        if after != before:
            sentence = f"changed what the team {team} owns; {moved} container{'' if moved == 1 else 's'} moved"
            _told(by, "team.rules_changed", sentence, {"rules": before}, {"rules": after})
    return moved


def copy_role(*, by, role, name):
    """A role with the same rights, which can be changed."""
    access.require(by.user, "manage_people")
    with transaction.atomic():
        made = _saved(Role(name=name.strip(), purpose=role.purpose, rights=role.rights))
        _told(by, "role.added", f"added the role {made}, a copy of {role}", after=_role(made))
    return made


def change_role(*, by, role, name, purpose, rights):
    """Raises Conflict for a built-in role, BadInput for a right that there is not."""
    access.require(by.user, "manage_people")
    if role.built_in:
        raise Conflict(f"{role} is built in and stays as it is.", remedy="Copy it, and change the copy.")
    if not set(rights) <= access.RIGHTS.keys():
        raise BadInput("There is no such right.", field="rights")
    before = _role(Role.objects.get(pk=role.pk))
    with transaction.atomic():
        role.name, role.purpose, role.rights = name.strip(), purpose, sorted({"see", *rights})
        _saved(role)
        if _role(role) != before:
            _told(by, "role.changed", f"changed the role {role}", before, _role(role))


def remove_role(*, by, role):
    """Raises Conflict for a built-in role, and for one that somebody has."""
    access.require(by.user, "manage_people")
    if role.built_in or role.memberships.exists():
        raise Conflict(f"{role} is built in, or somebody has it.", remedy="Give those people another role first.")
    with transaction.atomic():
        before = _role(role)
        role.delete()
        _told(by, "role.removed", f"removed the role {before['name']}", before)


def share(*, by, checkpoint, teams):
    """Let these teams see, restore and clone the checkpoint, and no others but its own."""
    access.require(by.user, "share", on=checkpoint)
    with transaction.atomic():
        before = sorted(team.name for team in checkpoint.shared_with.all())
        checkpoint.shared_with.set(team for team in teams if team.pk != checkpoint.team_id)
        after = sorted(checkpoint.shared_with.values_list("name", flat=True))
        if after != before:
            audit.record(
                by=by, action="checkpoint.shared",
                sentence=f"shared {checkpoint.name} with {', '.join(after) or 'no other team'}",
                checkpoint=checkpoint, container=checkpoint.container, host=checkpoint.host,
                before={"shared with": before}, after={"shared with": after},
            )  # fmt: skip
            doorbell.announce("people", "checkpoints", team=None)


def _saved(row):
    """`row` in the database. Raises BadInput when its name is empty, too long or taken."""
    longest = row._meta.get_field("name").max_length
    if not 0 < len(row.name) <= longest:
        raise BadInput(f"A name has 1 to {longest} characters.", field="name")
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise BadInput(f"The name {row.name} is taken.", field="name") from error
    return row


def _role(role):
    return {"name": role.name, "purpose": role.purpose, "rights": role.rights}


def _told(by, action, sentence, before=None, after=None):
    audit.record(by=by, action=action, sentence=sentence, before=before, after=after)
    doorbell.announce("people", team=None)
