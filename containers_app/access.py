"""Who may do what: the one choke point, asked by the views and again by the agent.

`get_x_for(user, pk, right)`: people who may not see a thing get 404, people who may look but not touch get NotAllowed.
"""

from django.shortcuts import get_object_or_404

from .errors import NotAllowed
from .models import Checkpoint, Container, Host, Image, Operation

OPERATORS = "operators"  # the group whose members may operate; administrators always may

VIEWER, OPERATOR, ADMINISTRATOR = "viewer", "operator", "administrator"
ROLES = (VIEWER, OPERATOR, ADMINISTRATOR)  # each has the rights of those before it

# Every right, the lowest role that holds it, and what it lets people do: "You may not …".
RIGHTS = {
    "see": (VIEWER, "look at this"),
    "operate": (OPERATOR, "change this"),
    "checkpoint": (OPERATOR, "take checkpoints"),
    "restore": (OPERATOR, "restore checkpoints"),
    "edit_catalog": (OPERATOR, "change what the catalog says of a checkpoint"),
    "discard": (OPERATOR, "discard checkpoints"),
    "import_archive": (OPERATOR, "bring in archives"),
    "approve_imports": (ADMINISTRATOR, "approve archives from elsewhere"),
    "manage_policies": (ADMINISTRATOR, "change policies"),
    "exec": (OPERATOR, "run commands in containers"),
    "see_environment": (OPERATOR, "see the values of environment variables"),
    "download_archive": (OPERATOR, "download archives"),
    "search_memory": (ADMINISTRATOR, "search the memory in archives"),
    "manage_hosts": (ADMINISTRATOR, "change how hosts work"),
    "create_privileged": (ADMINISTRATOR, "create privileged containers"),
    "export_audit": (OPERATOR, "export the audit history"),
    "verify_audit": (OPERATOR, "have the audit history verified"),
}


def may(user, right):
    """True when `user` holds `right`, one of RIGHTS."""
    role = role_of(user)
    return bool(role) and user.is_active and ROLES.index(role) >= ROLES.index(RIGHTS[right][0])


def role_of(user):
    """The role's name, one of ROLES; "" where no person acts. Read once for each time that a person is loaded."""
    if user is None or not user.is_authenticated:
        return ""
    if not hasattr(user, "_role"):
        operates = not user.is_superuser and user.groups.filter(name=OPERATORS).exists()
        user._role = ADMINISTRATOR if user.is_superuser else OPERATOR if operates else VIEWER
    return user._role


def require(user, right):
    """Raise NotAllowed unless `user` holds `right`."""
    if not may(user, right):
        role, words = RIGHTS[right]
        raise NotAllowed(f"You may not {words}.", remedy=f"That needs the {role}'s role: ask an administrator.")


def seen_by(user, rows):
    """`rows` (containers, checkpoints, operations, events, images or hosts) without those that `user` may not see."""
    return rows if may(user, "see") else rows.none()


def get_container_for(user, pk, right="see"):
    return _get(Container.objects.select_related("host", "restored_from"), user, pk, right)


def get_checkpoint_for(user, pk, right="see"):
    return _get(Checkpoint.objects.select_related("host", "container__host", "operation"), user, pk, right)


def get_operation_for(user, pk, right="see"):
    related = ("host", "container", "checkpoint", "requested_by", "taken_checkpoint")
    return _get(Operation.objects.select_related(*related), user, pk, right)


def get_image_for(user, pk, right="see"):
    return _get(Image.objects.select_related("host"), user, pk, right)


def get_host_for(user, pk, right="see"):
    return _get(Host.objects.all(), user, pk, right)


def _get(queryset, user, pk, right):
    found = get_object_or_404(seen_by(user, queryset), pk=pk)
    try:
        require(user, right)
    except NotAllowed as error:
        error.about = found
        raise
    return found
