"""Who may do what: the one choke point, asked by the views and the API, and again by the agent.

A person's rights on an object are those of their role in the team that owns it. A checkpoint that is shared with a team
gives its people SHARED rights. What all teams share (hosts, images) is seen by everybody, and changed by who may in the
default team. `get_x_for(user, pk, right)`: people who may not see a thing get 404, people who may look but not touch
get NotAllowed. Nothing is kept longer than a user object lives: one request, one operation.
"""

from dataclasses import dataclass

from django.db.models import Count, Q, Subquery, Value
from django.shortcuts import get_object_or_404

from .errors import NotAllowed
from .models import (
    AuditEvent,
    Checkpoint,
    Container,
    Host,
    Image,
    ImportReview,
    Inspection,
    Membership,
    MemorySearch,
    Operation,
    SelfTest,
    Team,
    Upload,
)

# Every right, and what it lets people do: "You may not …".
RIGHTS = {
    "see": "look at this",
    "operate": "change this",
    "checkpoint": "take checkpoints",
    "restore": "restore checkpoints",
    "clone": "make new containers of checkpoints",
    "create": "create containers",
    "create_privileged": "create privileged containers",
    "exec": "run commands in containers",
    "see_environment": "see the values of environment variables",
    "edit_catalog": "change what the catalog says of a checkpoint",
    "share": "share checkpoints with other teams",
    "discard": "discard checkpoints",
    "download_archive": "download archives",
    "search_memory": "search the memory in archives",
    "import_archive": "bring in archives",
    "approve_imports": "approve archives from elsewhere",
    "read_audit": "read the audit history",
    "export_audit": "export the audit history",
    "verify_audit": "have the audit history verified",
    "manage_images": "remove images",
    "manage_hosts": "change how hosts work",
    "manage_policies": "change policies",
    "manage_people": "manage people, teams and roles",
}
# Rights over what all teams share: of the role in the default team alone.
HOUSE = frozenset({"verify_audit", "manage_images", "manage_hosts", "manage_policies", "manage_people"})
# What a checkpoint lets the people do whom it is shared with, where their role holds it.
SHARED = frozenset({"see", "restore", "clone"})
# What a host or an image lets everybody do whose role in any team holds it.
ON_SHARED = frozenset({"see", "create"})
NONE = frozenset()
SUPERUSER = "administrator"  # the role's name of who holds every right everywhere


@dataclass(frozen=True)
class Hold:
    """One team that a person is in: the role's name there and its rights."""

    team_id: int
    team: str
    is_default: bool
    role: str
    rights: frozenset


def may(user, right, on=None):
    """True when `user` holds `right`, one of RIGHTS, on this row; without a row: in any team, or over the house."""
    if not _acts(user) or not _in_scope(user, right):
        return False
    if user.is_superuser:
        return True
    return _by_role(user, right, on) or (right in SHARED and right in _shared_rights(user, on))


def require(user, right, on=None):
    """Raise NotAllowed, which knows what it was refused of, unless `user` holds `right` on this row."""
    if may(user, right, on):
        return
    if user is not None and not _in_scope(user, right):
        error = NotAllowed(f"This token may not {RIGHTS[right]}.", remedy=f"It needs a token with the scope {right}.")
    else:
        remedy = "That needs another role in the team: ask an administrator."
        error = NotAllowed(f"You may not {RIGHTS[right]}.", remedy=remedy)
    error.about = on
    raise error


def rights_on(user, row=None):
    """All rights that `user` holds on this row, or without one at all, as a set: for what a page offers."""
    if not _acts(user):
        return NONE
    held = frozenset(RIGHTS)
    if not user.is_superuser:
        held = _shared_rights(user, row).union(*(_rights_of(hold, row) for hold in holds(user)))
    scope = getattr(user, "scope", None)
    return held if scope is None else held & scope


def seen_by(user, rows):
    """`rows` without those that `user` may not see; events ask for the right to read them."""
    return held_by(user, rows, "read_audit" if rows.model is AuditEvent else "see")


def held_by(user, rows, right):
    """Those of `rows` on which `user` holds `right`. TypeError for rows of which nobody has said whose they are."""
    path = OWNED[rows.model]
    if not _acts(user) or not _in_scope(user, right):
        return rows.none()
    if user.is_superuser:
        return rows
    if path is EVERYBODYS:
        return rows if may(user, right, rows.model()) else rows.none()
    teams = [hold.team_id for hold in holds(user) if right in hold.rights]
    theirs = Q(**{f"{path}team__in": teams})
    if rows.model in OR_THE_HOUSES and _house(user, right):
        theirs |= Q(**{f"{path}team": None})
    if right in SHARED and (rows.model is Checkpoint or rows.model is Inspection):
        shared = Checkpoint.shared_with.through.objects.filter(team__in=teams).values("checkpoint")
        theirs |= Q(**{f"{path}pk__in": shared})
    return rows.filter(theirs)


def reads_everything(user):
    """True when `user` may read every team's events, and so the history as one."""
    if not _acts(user) or not _in_scope(user, "read_audit"):
        return False
    return user.is_superuser or sum("read_audit" in hold.rights for hold in holds(user)) == user._teams


def holds(user):
    """[Hold]: a person's teams. Read once for each time that a person is loaded."""
    if not hasattr(user, "_holds"):
        teams = Team.objects.order_by().annotate(one=Value(1)).values("one").annotate(n=Count("pk")).values("n")
        rows = Membership.objects.filter(user=user).order_by("-team__is_default", "team__name")
        rows = rows.values(
            "team", "team__name", "team__is_default", "role__name", "role__rights", teams=Subquery(teams)
        )
        user._holds = [
            Hold(
                row["team"],
                row["team__name"],
                row["team__is_default"],
                row["role__name"],
                frozenset(row["role__rights"]),
            )
            for row in rows
        ]
        user._teams = rows[0]["teams"] if rows else None  # how many there are at all
    return user._holds


def role_of(user, team_id=None):
    """The role's name in that team, else in the first of the person's teams; "" where no person acts."""
    if user is None or not user.is_authenticated:
        return ""
    if user.is_superuser:
        return SUPERUSER
    return next((hold.role for hold in sorted(holds(user), key=lambda hold: hold.team_id != team_id)), "")


def hears(user, signal, team_id):
    """True when `user` may be told that something of this team has changed; None: something that all teams share."""
    right = "read_audit" if signal == "audit" else "see"
    if not _acts(user) or not _in_scope(user, right):
        return False
    if user.is_superuser:
        return True
    if team_id is None:
        return any(right in hold.rights for hold in holds(user) if hold.is_default or right == "see")
    return any(right in hold.rights for hold in holds(user) if hold.team_id == team_id)


def teams_of(user, right):
    """The teams in which `user` holds `right`, the default one first."""
    if not _acts(user) or not _in_scope(user, right):
        return Team.objects.none()
    if user.is_superuser:
        return Team.objects.all()
    return Team.objects.filter(pk__in=[hold.team_id for hold in holds(user) if right in hold.rights])


def team_for(user, right, on=None):
    """The team in whose name `user` makes something: the owner of `on` where they hold `right` with it, else their
    first. For the system itself the owner of `on`, or the default team."""
    owner = getattr(on, "team", None)
    if user is None:
        return owner or Team.objects.get(is_default=True)
    teams = list(teams_of(user, right))
    return owner if owner in teams else next(iter(teams), None)


def get_container_for(user, pk, right="see"):
    return _get(Container.objects.select_related("host", "team", "restored_from"), user, pk, right)


def get_checkpoint_for(user, pk, right="see"):
    return _get(Checkpoint.objects.select_related("host", "team", "container__host", "operation"), user, pk, right)


def get_operation_for(user, pk, right="see"):
    related = ("host", "team", "container", "checkpoint", "requested_by", "taken_checkpoint")
    return _get(Operation.objects.select_related(*related), user, pk, right)


def get_image_for(user, pk, right="see"):
    return _get(Image.objects.select_related("host"), user, pk, right)


def get_review_for(user, pk, right="see"):
    related = ("operation__host", "operation__requested_by", "operation__team", "checkpoint")
    return _get(ImportReview.objects.select_related(*related), user, pk, right)


def get_upload_for(user, key):
    """The person's own upload: nobody else's is seen. Raises NotAllowed without the right to bring archives in."""
    require(user, "import_archive")
    return get_object_or_404(Upload, key=key, by=user)


def get_host_for(user, pk, right="see"):
    return _get(Host.objects.all(), user, pk, right)


# How a row's owner is found: the way from the row to what has a `team`. A model that is not here is seen by nobody.
EVERYBODYS = "everybody's"
OWNED = {
    Container: "",
    Checkpoint: "",
    Operation: "",
    AuditEvent: "",
    Inspection: "checkpoint__",
    MemorySearch: "checkpoint__",
    ImportReview: "operation__",
    Host: EVERYBODYS,
    Image: EVERYBODYS,
    SelfTest: EVERYBODYS,
}
OR_THE_HOUSES = {Operation, AuditEvent}  # where a team of null means that it is the house's


def _get(queryset, user, pk, right):
    found = get_object_or_404(seen_by(user, queryset), pk=pk)
    require(user, right, on=found)
    return found


def _acts(user):
    return user is not None and user.is_authenticated and user.is_active


def _in_scope(user, right):
    """A token narrows its person's rights: `user.scope` is the set that is left; None, or no scope, leaves all."""
    if right not in RIGHTS:
        raise KeyError(right)
    scope = getattr(user, "scope", None)
    return scope is None or right in scope


def _rights_of(hold, on):
    """Those of a Hold's rights that count on this row."""
    if on is None:
        return hold.rights if hold.is_default else hold.rights - HOUSE
    if isinstance(on, Team):
        return hold.rights if hold.team_id == on.pk else NONE
    path = OWNED[type(on)]
    if path == EVERYBODYS:
        return hold.rights if hold.is_default else hold.rights & ON_SHARED
    owner = on
    for name in path.split("__")[:-1]:
        owner = getattr(owner, name)
    if owner.team_id is None:
        return hold.rights if hold.is_default else hold.rights & {"see"}
    return hold.rights if hold.team_id == owner.team_id else NONE


def _house(user, right):
    """Whether `user` holds `right` on what is no team's: everybody may look, the default team's people may more."""
    return any(right in hold.rights for hold in holds(user) if hold.is_default or right == "see")


def _by_role(user, right, on):
    return any(right in _rights_of(hold, on) for hold in holds(user))


def _shared_rights(user, row):
    """What this row lets `user` do because it is shared with a team of theirs."""
    others = [hold for hold in holds(user) if hold.team_id != row.team_id] if isinstance(row, Checkpoint) else []
    if not others:
        return NONE
    shared_with = {team.pk for team in row.shared_with.all()}
    return SHARED & frozenset().union(*(hold.rights for hold in others if hold.team_id in shared_with))
