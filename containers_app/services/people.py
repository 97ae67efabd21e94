"""People: who is there, what they may, where they are signed in. Each change is an event with before and after.

What changes people announces the signal `people`: every open page then looks anew at who it is for.
"""

from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import default_token_generator
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from containers_app import access
from containers_app.errors import BadInput, Conflict, NotAllowed
from containers_app.models import Membership, Role, SignIn, Team

from . import audit, doorbell

PASSWORD_LENGTH = 20  # letters and digits: 119 bits
User = get_user_model()


def add_first_administrator():
    """(the administrator's name, its password) where nobody is there yet, else None."""
    with transaction.atomic():
        if User.objects.exists():
            return None
        password = get_random_string(PASSWORD_LENGTH)
        user = User.objects.create_superuser("admin", password=password)
        role, team = Role.objects.get(name="admin"), Team.objects.get(is_default=True)
        Membership.objects.create(user=user, team=team, role=role)
        audit.record(
            by=audit.Caller(),
            action="person.added",
            sentence=f"added {user} as the first administrator",
            after={"name": user.get_username(), "role": "administrator"},
        )
        return user.get_username(), password


def add_person(*, by, name, roles, superuser=False):
    """A person with these roles ({Team: Role}) and without a password: `recovery_path` leads to their first one.

    Raises BadInput for a name that is none or is taken.
    """
    access.require(by.user, "manage_people")
    _require_superuser(by, superuser)
    try:
        User._meta.get_field("username").clean(name, None)
    except ValidationError as error:
        raise BadInput(error.messages[0], field="name") from error
    with transaction.atomic():
        if User.objects.filter(username__iexact=name).exists():
            raise BadInput(f"The name {name} is taken.", field="name")
        user = User.objects.create_user(name, is_superuser=superuser)
        Membership.objects.bulk_create(Membership(user=user, team=team, role=role) for team, role in roles.items())
        _changed(by, "person.added", f"added {name}", user, before=None)
    return user


def change_person(*, by, user, roles, superuser, active):
    """Give a person these roles ({Team: Role}, in all teams) and let them in or keep them out, from the next click on.

    Raises Conflict for what would leave nobody who may do everything, NotAllowed for what takes a superuser.
    """
    access.require(by.user, "manage_people")
    _require_superuser(by, user.is_superuser or superuser)
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user.pk)
        before = facts(user)
        _require_another_superuser(user, superuser and active)
        if user == by.user and not active:
            raise Conflict("Nobody keeps themselves out.", remedy="Ask another administrator.")
        user.is_superuser, user.is_active = superuser, active
        user.save(update_fields=["is_superuser", "is_active"])
        user.memberships.all().delete()
        Membership.objects.bulk_create(Membership(user=user, team=team, role=role) for team, role in roles.items())
        if not active:
            _end(user.sign_ins.all())
        if facts(user) != before:
            _changed(by, "person.changed", f"changed what {user.get_username()} may do", user, before=before)
    return user


def facts(user):
    """What the history keeps of a person: {name, active, superuser, roles: {team: role}}."""
    rows = Membership.objects.filter(user=user).values_list("team__name", "role__name")
    return {
        "name": user.get_username(),
        "active": user.is_active,
        "superuser": user.is_superuser,
        "roles": dict(rows),
    }


def recovery_path(*, by, user):
    """("uid", "token") of a link by which a person chooses a password: good once, for PASSWORD_RESET_TIMEOUT."""
    require_manager(by, user)
    if not user.is_active:
        raise Conflict(f"{user.get_username()} is kept out: a password would open nothing.")
    if hasattr(user, "service_account"):
        raise Conflict(f"{user.get_username()} is a program's account: it has tokens, and no password.")
    with transaction.atomic():
        audit.record(
            by=by, action="person.recovery_offered", sentence=f"made a link by which {user} chooses a password",
            details={"person": user.get_username()},
        )  # fmt: skip
    return urlsafe_base64_encode(force_bytes(user.pk)), default_token_generator.make_token(user)


def person_of_link(uid, token):
    """The person whom a recovery link is for; None when it is spent, too old or none."""
    try:
        user = User.objects.filter(pk=int(urlsafe_base64_decode(uid)), is_active=True).first()
    except (ValueError, OverflowError):
        return None
    return user if user and default_token_generator.check_token(user, token) else None


def set_password(*, by, user, password, keep_session=None):
    """The person's new password; every session of theirs but `keep_session` (a session's key) ends.

    Raises BadInput, beside its field, for one that is too easy.
    """
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise BadInput(" ".join(error.messages), field="password") from error
    with transaction.atomic():
        user.set_password(password)
        user.save(update_fields=["password"])
        end_other_sessions(user, keep_session)
        audit.record(by=by, action="person.password_changed", sentence="chose a new password")


def sessions(user):
    """The sessions in which a person is signed in now, the one used last first."""
    alive = Session.objects.filter(expire_date__gt=timezone.now()).values("session_key")
    return list(SignIn.objects.filter(user=user, session_key__in=alive))


def end_sessions(*, by, sign_ins):
    """Sign out of these sessions (a queryset of one's own SignIns), at once; returns how many there were."""
    with transaction.atomic():
        ended = [{"address": row.address or "", "device": row.device} for row in sign_ins]
        if ended:
            _end(sign_ins)
            number = f"{len(ended)} session{'' if len(ended) == 1 else 's'}"
            audit.record(
                by=by, action="person.sessions_ended", sentence=f"ended {number}", before={"sessions": ended}, after={}
            )
            doorbell.announce("people", team=None)
    return len(ended)


def sign_out(*, by, user):
    """Every session of this person ends at once; returns how many there were."""
    require_manager(by, user)
    with transaction.atomic():
        ended = len(sessions(user))
        end_other_sessions(user)
        audit.record(
            by=by, action="person.signed_out_everywhere", sentence=f"signed {user} out of {ended} sessions",
            details={"person": user.get_username(), "sessions": ended},
        )  # fmt: skip
    return ended


def end_other_sessions(user, keep_session=None):
    """Every session of this person ends but `keep_session`, a session's key."""
    _end(user.sign_ins.exclude(session_key=keep_session or ""))
    doorbell.announce("people", team=None)


def require_manager(by, user):
    """Raise NotAllowed unless `by` may change how this person signs in."""
    access.require(by.user, "manage_people")
    _require_superuser(by, user.is_superuser)


def _end(sign_ins):
    keys = list(sign_ins.values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    SignIn.objects.filter(session_key__in=keys).delete()


def _require_superuser(by, needed):
    if needed and not by.user.is_superuser:
        raise NotAllowed("Only who may do everything decides who else may.")


def _require_another_superuser(user, stays):
    others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk)
    if user.is_superuser and not stays and not others.exists():
        raise Conflict("Nobody would be left who may do everything.", remedy="Let somebody else do so first.")


def _changed(by, action, sentence, user, before):
    audit.record(by=by, action=action, sentence=sentence, before=before, after=facts(user))
    doorbell.announce("people", team=None)
