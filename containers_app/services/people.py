"""People: who is added. Each change is an event."""

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils.crypto import get_random_string

from containers_app.models import Membership, Role, Team

from . import audit

PASSWORD_LENGTH = 20  # letters and digits: 119 bits


def add_first_administrator():
    """(the administrator's name, its password) where nobody is there yet, else None."""
    with transaction.atomic():
        if get_user_model().objects.exists():
            return None
        password = get_random_string(PASSWORD_LENGTH)
        user = get_user_model().objects.create_superuser("admin", password=password)
        role, team = Role.objects.get(name="admin"), Team.objects.get(is_default=True)
        Membership.objects.create(user=user, team=team, role=role)
        audit.record(
            by=audit.Caller(),
            action="person.added",
            sentence=f"added {user} as the first administrator",
            after={"name": user.get_username(), "role": "administrator"},
        )
        return user.get_username(), password
