"""Who may do what: the one choke point, asked by the views and again by the agent.

`get_x_for(user, pk, right)`: people who may not see a thing get 404, people who may look but not touch get NotAllowed.
"""

from django.http import Http404
from django.shortcuts import get_object_or_404

from .errors import NotAllowed
from .models import Checkpoint, Container, Host, Operation

OPERATORS = "operators"  # the group whose members may operate; administrators always may


def may(user, right):
    """True when `user` holds `right`: "see" (everyone signed in) or "operate" (operators and administrators)."""
    if user is None or not user.is_active:
        return False
    if right == "see":
        return user.is_authenticated
    return user.is_superuser or user.groups.filter(name=OPERATORS).exists()


def role_of(user):
    """The role's name for the history: "administrator", "operator" or "viewer"; "" where no person acts."""
    if user is None or not user.is_authenticated:
        return ""
    return "administrator" if user.is_superuser else "operator" if may(user, "operate") else "viewer"


def require(user, right):
    """Raise NotAllowed unless `user` holds `right`."""
    if not may(user, right):
        raise NotAllowed(
            "You may look at this, but not change it.", remedy="Ask an administrator for the operator's right."
        )


def get_container_for(user, pk, right="see"):
    return _get(Container.objects.select_related("host", "restored_from"), user, pk, right)


def get_checkpoint_for(user, pk, right="see"):
    return _get(Checkpoint.objects.select_related("host", "container__host", "operation"), user, pk, right)


def get_operation_for(user, pk, right="see"):
    related = ("host", "container", "checkpoint", "requested_by", "taken_checkpoint")
    return _get(Operation.objects.select_related(*related), user, pk, right)


def get_host_for(user, pk, right="see"):
    return _get(Host.objects.all(), user, pk, right)


def _get(queryset, user, pk, right):
    if not may(user, "see"):
        raise Http404
    found = get_object_or_404(queryset, pk=pk)
    require(user, right)
    return found
