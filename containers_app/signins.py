"""Sign-ins, failed ones and sign-outs into the audit history. Connected when the application starts."""

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver

from .errors import Unavailable
from .htmx import address_of
from .models import AuditEvent
from .services import audit


@receiver(user_logged_in)
def signed_in(request, user, **kwargs):
    _record(request, user, action="person.signed_in", sentence="signed in")


@receiver(user_logged_out)
def signed_out(request, user, **kwargs):
    if user is not None:
        _record(request, user, action="person.signed_out", sentence="signed out")


@receiver(user_login_failed)
def refused(credentials, request=None, **kwargs):
    name = str(credentials.get("username", ""))[:150]
    audit.record(
        by=_caller(request, None),
        action="person.refused",
        result="refused",
        sentence=f"refused a sign-in as {name}",
        details={"name": name},
    )


def _record(request, user, **event):
    """Nobody is signed in without an event that says so; and who wants to be signed out is, with or without one."""
    try:
        audit.record(by=_caller(request, user), **event)
    except Unavailable:
        request.session.flush()
        raise


def _caller(request, user):
    """Who signs in; a request that no middleware has seen (a command, a test's client) has no address and no id."""
    seen = hasattr(request, "request_id")
    return audit.Caller(
        user=user,
        source=AuditEvent.Source.PAGE if seen else AuditEvent.Source.COMMAND,
        address=address_of(request) if seen else None,
        request_id=request.request_id if seen else "",
        authenticated="password" if user else "",
    )
