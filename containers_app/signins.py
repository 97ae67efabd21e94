"""Sign-ins, failed ones, lock-outs and sign-outs into the audit history; how long a session lasts, and when its person
last proved who they are. Connected when the application starts.
"""

import time
from datetime import timedelta

from asgiref.sync import iscoroutinefunction, sync_to_async
from axes.signals import user_locked_out
from django.conf import settings
from django.contrib.auth import authenticate, logout
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.utils import timezone
from django.utils.decorators import sync_and_async_middleware

from .errors import NotProved, Unavailable
from .htmx import address_of, caller
from .models import AuditEvent, SignIn
from .services import audit

PROVED = "proved_at"  # in the session: when the password was last typed, in seconds since 1970
SEEN = "seen_at"  # in the session: when it was last used
MINUTE = 60


@receiver(user_logged_in)
def signed_in(request, user, **kwargs):
    _record(request, user, action="person.signed_in", sentence="signed in")
    now = timezone.now()
    request.session[PROVED] = request.session[SEEN] = now.timestamp()
    request.session.set_expiry(now + timedelta(hours=settings.SESSION_HOURS))
    if request.session.session_key is None:
        request.session.save()
    SignIn.objects.update_or_create(
        session_key=request.session.session_key,
        defaults={
            "user": user, "at": now, "seen_at": now, "address": address_of(request),
            "device": request.META.get("HTTP_USER_AGENT", "")[:200],
        },
    )  # fmt: skip


@receiver(user_logged_out)
def signed_out(request, user, **kwargs):
    if user is not None:
        SignIn.objects.filter(session_key=request.session.session_key).delete()
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


@receiver(user_locked_out)
def locked_out(request, username, **kwargs):
    name = str(username)[:150]
    audit.record(
        by=_caller(request, None),
        action="person.locked_out",
        result="refused",
        sentence=f"held off whoever tries passwords of {name}",
        details={"name": name, "minutes": settings.LOCKOUT_MINUTES},
    )


@sync_and_async_middleware
def session_middleware(get_response):
    """A session that nobody used for too long is over; one that is used says when, once a minute."""
    if iscoroutinefunction(get_response):

        async def middleware(request):
            await sync_to_async(_look_at_session)(request)
            return await get_response(request)

    else:

        def middleware(request):
            _look_at_session(request)
            return get_response(request)

    return middleware


def _look_at_session(request):
    if hasattr(request, "token") or SEEN not in request.session:
        return
    now, seen = time.time(), request.session[SEEN]
    if now - seen > settings.IDLE_MINUTES * MINUTE:
        logout(request)
    elif now - seen > MINUTE:
        request.session[SEEN] = now
        SignIn.objects.filter(session_key=request.session.session_key).update(seen_at=timezone.now())


def require_proof(request):
    """Raise NotProved unless who asks has typed their password within PROVE_MINUTES, or just now as `proof`.

    Programs prove themselves with each request's token.
    """
    if not settings.PROVE_MINUTES or hasattr(request, "token"):
        return
    if time.time() - request.session.get(PROVED, 0) < settings.PROVE_MINUTES * MINUTE:
        return
    password, name = request.POST.get("proof", ""), request.user.get_username()
    if not password:
        raise NotProved("Type your password once more, to go on.")
    if authenticate(request, username=name, password=password) != request.user:
        raise NotProved("That is not your password.", wrong=True)
    request.session[PROVED] = time.time()
    audit.record(by=caller(request), action="person.proved", sentence="typed their password once more")


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
