"""Sign-ins, failed ones, lock-outs and sign-outs into the audit history; how long a session lasts, when its person last
proved who they are, and who is asked for a second factor. Connected when the application starts.
"""

import time
from contextlib import contextmanager
from datetime import timedelta

from asgiref.sync import iscoroutinefunction, sync_to_async
from axes.handlers.proxy import AxesProxyHandler
from axes.signals import user_locked_out
from django.conf import settings
from django.contrib.auth import authenticate, get_user_model, login, logout
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.decorators import sync_and_async_middleware

from .errors import NotProved, Unavailable
from .htmx import SECOND, address_of, caller, how_signed_in
from .models import AuditEvent, SignIn
from .services import audit, second_factor

PROVED = "proved_at"  # in the session: when the password was last typed, in seconds since 1970
SEEN = "seen_at"  # in the session: when it was last used
HALF = "half"  # in the session of who has typed the password and not yet the code: {user, hash, at, to}
CODE_SECONDS = 300  # that one has for typing the code
MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"
WITHOUT_SECOND = {"second_factor", "sign_out"}  # where somebody gets who must set up a second factor first
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
def refused(sender, credentials, request=None, **kwargs):
    name = str(credentials.get("username", ""))[:150]
    second = sender == SECOND
    audit.record(
        by=_caller(request, None),
        action="person.code_refused" if second else "person.refused",
        result="refused",
        sentence=f"refused a code of {name}" if second else f"refused a sign-in as {name}",
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


def enter(request, user, to):
    """Sign `user` in, whose password was right, and return the way to `to`: by their code, where they have one."""
    if second_factor.device_of(user) is None:
        login(request, user, backend=MODEL_BACKEND)
        return redirect(to)
    request.session.cycle_key()
    request.session[HALF] = {"user": user.pk, "hash": user.get_session_auth_hash(), "at": time.time(), "to": to}
    request.session.set_expiry(CODE_SECONDS)
    return redirect("sign_in_code")


def halfway(request):
    """The person who has typed the password in this session and has yet to type the code; None where nobody has."""
    half = request.session.get(HALF)
    if half is None or time.time() - half["at"] > CODE_SECONDS:
        return None
    user = get_user_model().objects.filter(pk=half["user"], is_active=True).first()
    return user if user and user.get_session_auth_hash() == half["hash"] else None


def enter_with_code(request, user, code):
    """The address to go on to when `code` is right, and `user` signed in; None when it is not."""
    how = shown(request, user, code)
    if not how:
        return None
    to = request.session.pop(HALF)["to"]
    request.session[SECOND] = how
    login(request, user, backend=MODEL_BACKEND)
    return to


def shown(request, user, code):
    """How `code` shows the second factor of `user`; "" for a wrong one, which counts as a wrong password does."""
    credentials = {"username": user.get_username()}
    if not AxesProxyHandler.is_allowed(request, credentials):
        request.axes_locked_out, request.axes_credentials = True, credentials
        return ""
    by = _caller(request, user)
    how = second_factor.check(by=by, code=code)
    if not how:
        user_login_failed.send(sender=SECOND, credentials=credentials, request=request)
    return how


@sync_and_async_middleware
def second_factor_middleware(get_response):
    """Who must have a second factor and has none gets no further than to where it is set up."""
    if iscoroutinefunction(get_response):

        async def middleware(request):
            return await get_response(request)

    else:

        def middleware(request):
            return get_response(request)

    middleware.process_view = _ask_for_second_factor
    return middleware


def _ask_for_second_factor(request, view, args, kwargs):
    if settings.SECOND_FACTOR == "optional" or hasattr(request, "token") or not request.user.is_authenticated:
        return None
    if SECOND in request.session or request.resolver_match.url_name in WITHOUT_SECOND:
        return None
    if not second_factor.is_required(request.user):
        return None
    if second_factor.device_of(request.user) is None:
        return redirect("second_factor")
    logout(request)  # signed in when nobody asked for it
    return redirect("sign_in")


def require_proof(request):
    """Raise NotProved unless who asks has typed their password within PROVE_MINUTES, or it or a code as `proof` now.

    Programs prove themselves with each request's token.
    """
    if not settings.PROVE_MINUTES or hasattr(request, "token"):
        return
    if time.time() - request.session.get(PROVED, 0) < settings.PROVE_MINUTES * MINUTE:
        return
    password, name = request.POST.get("proof", ""), request.user.get_username()
    if not password:
        raise NotProved("Type your password once more, to go on.")
    if second_factor.CODE.fullmatch(password) and second_factor.device_of(request.user):
        what, right = "a code", shown(request, request.user, password)
    else:
        what, right = "their password", authenticate(request, username=name, password=password) == request.user
    if not right:
        raise NotProved("That is not your password.", wrong=True)
    with new_key(request):
        request.session.cycle_key()
    request.session[PROVED] = time.time()
    audit.record(by=caller(request), action="person.proved", sentence=f"typed {what} once more")


@contextmanager
def new_key(request):
    """Inside, the session gets a new key; the list of sessions then knows it by that."""
    before = request.session.session_key
    yield
    SignIn.objects.filter(session_key=before).update(session_key=request.session.session_key)


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
        authenticated=how_signed_in(request) if user else "",
    )
