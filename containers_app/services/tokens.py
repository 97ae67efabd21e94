"""Tokens: how programs sign in. Made, looked up, revoked; each of these but a good look-up is an event.

A token's text leaves here once, in what `create` returns.
"""

import hashlib
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import get_random_string

from containers_app import access
from containers_app.errors import BadInput, Conflict, NotAllowed
from containers_app.models import ServiceAccount, Token
from containers_app.models.tokens import NAME_LENGTH

from . import audit

PREFIX = "ffz_"  # by which scanners of secrets, and people, know one
LENGTH = 43  # letters and digits after the prefix: 43 · log2(62) = 256 bits
HINT = len(PREFIX) + 4
LONGEST = timedelta(days=366)
USED = timedelta(minutes=1)  # between two writes of a token's last use


def create(*, by, user, name, scopes, days, request_key=None):
    """(the new Token, its text) for `user`, oneself or a service account; nobody is shown the text again.

    Raises BadInput, beside its field, for a name that is in use, a scope that is none or a time that is too long;
    Conflict for the same `request_key` again.
    """
    _require_own(by, user)
    name, scopes = name.strip(), sorted(set(scopes))
    if not name or len(name) > NAME_LENGTH:
        raise BadInput(f"A name has 1 to {NAME_LENGTH} characters.", field="name")
    if not scopes or not set(scopes) <= access.RIGHTS.keys():
        raise BadInput("A token needs a scope, of those that there are.", field="scopes")
    if not 0 < days <= LONGEST.days:
        raise BadInput(f"A token lives for {LONGEST.days} days at the most.", field="days")
    now, text = timezone.now(), PREFIX + get_random_string(LENGTH)
    if any(not token.why_not for token in user.tokens.filter(name=name).select_related("user")):
        raise BadInput(f"{user.get_username()} has a token called {name}.", field="name")
    try:
        with transaction.atomic():
            token = Token.objects.create(
                user=user, name=name, digest=digest(text), hint=text[:HINT], scopes=scopes, created_at=now,
                created_by_name=by.name, expires_at=now + timedelta(days=days), request_key=request_key,
            )  # fmt: skip
            after = {"name": name, "person": user.get_username(), "scopes": scopes, "expires_at": str(token.expires_at)}
            audit.record(by=by, action="token.created", sentence=f"made the token {_of(token)}", after=after)
    except IntegrityError as error:
        raise Conflict(
            "This token has been made already, and is shown once.", remedy="Revoke it and make another."
        ) from error
    return token, text


def revoke(*, by, token):
    """It opens nothing any more, from now on; what it asked for and has not begun is refused. Twice is once."""
    if token.user != by.user:
        access.require(by.user, "manage_people")
    with transaction.atomic():
        changed = Token.objects.filter(pk=token.pk, revoked_at=None).update(
            revoked_at=timezone.now(), revoked_by_name=by.name
        )
        if changed:
            audit.record(by=by, action="token.revoked", sentence=f"revoked the token {_of(token)}")
    token.refresh_from_db()


def add_service_account(*, by, name, purpose):
    """An account for a program, without a password and, until a team takes it in, without a right; returns the user."""
    access.require(by.user, "manage_people")
    people = get_user_model().objects
    if people.filter(username__iexact=name).exists():
        raise BadInput(f"The name {name} is taken.", field="name")
    with transaction.atomic():
        user = people.create_user(name)
        ServiceAccount.objects.create(user=user, purpose=purpose, created_at=timezone.now(), created_by_name=by.name)
        after = {"name": name, "purpose": purpose}
        audit.record(by=by, action="service_account.added", sentence=f"added the service account {name}", after=after)
    return user


def find(text):
    """The Token with that text, usable or not, with its person; None when there is none."""
    if len(text) != len(PREFIX) + LENGTH or not text.startswith(PREFIX):
        return None
    return Token.objects.select_related("user").filter(digest=digest(text)).first()


def used(token, *, address):
    """Remember when and from where it was used, once a minute at the most."""
    now = timezone.now()
    if token.last_used_at is None or token.last_used_at < now - USED:
        Token.objects.filter(pk=token.pk).update(last_used_at=now, last_used_from=address)


def record_refusal(*, by, token):
    """Somebody came with a token that opens nothing: one that is known, or None."""
    about = f"the token {_of(token)}, which is {token.why_not}" if token else "a token that nobody knows"
    audit.record(
        by=by, action="token.refused", result="refused", sentence=f"refused {about}",
        details={"token": token.name, "person": token.user.get_username()} if token else {},
    )  # fmt: skip


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def _require_own(by, user):
    """Tokens are made by their person; those of service accounts by who manages accounts."""
    if by.token:
        raise NotAllowed("A token makes no tokens.")
    if user == by.user:
        access.require(user, "see")
        return
    access.require(by.user, "manage_people")
    if not ServiceAccount.objects.filter(user=user).exists():
        raise NotAllowed("Nobody makes tokens in another person's name.")


def _of(token):
    return f"{token.name} of {token.user.get_username()}"
