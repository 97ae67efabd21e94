"""Requests and responses: who asks, full page or fragment, and errors as designed answers.

Knows HTTP and htmx. Knows nothing of containers, and decides nothing about what anybody may do.
"""

import ipaddress
import logging
import re
import uuid
from contextlib import suppress

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.shortcuts import render, resolve_url
from django.utils.cache import patch_vary_headers
from django.utils.decorators import sync_and_async_middleware
from django.utils.http import urlencode
from django_htmx.http import HttpResponseClientRedirect

from .errors import BadInput, Conflict, FreezeframeError, NotAllowed, NotProved, Unavailable
from .harmless import HIDDEN, harmless
from .models import AuditEvent, Checkpoint, Container, Host, Operation
from .services import audit

logger = logging.getLogger(__name__)
REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,36}")
PROOF = ("proof", "username", "csrfmiddlewaretoken")  # what is never sent once more
SECOND = "second_factor"  # in the session: how the second factor was shown, a word of services/second_factor.py
DIALOG = "dialog"  # id of the one <dialog> in base.html

HEADLINES = {
    403: "That is not yours to do",
    409: "Not now",
    422: "That cannot be used",
    502: "A command failed",
    503: "Something that is needed is away",
}


def caller(request):
    """Who asks, and from where, for the audit history."""
    token = getattr(request, "token", None)
    signed_in = request.user is not None and request.user.is_authenticated
    return audit.Caller(
        user=request.user,
        source=AuditEvent.Source.API if hasattr(request, "token") else AuditEvent.Source.PAGE,
        address=address_of(request),
        request_id=getattr(request, "request_id", ""),
        authenticated=f"token {token}" if token else how_signed_in(request) if signed_in else "",
        token=token,
    )


def how_signed_in(request):
    """By what, in the words of the history: "password", or "password and code"."""
    session = getattr(request, "session", {})
    return " and ".join(["password", *filter(None, [session.get(SECOND)])])


def asked(request, name):
    """The address's parameter of that name as clean, bounded text."""
    return request.GET.get(name, "").replace("\0", "").strip()[:200]


def render_page(request, name, context=None, *, fragments=(), status=200):
    """Render the page `name`, or for htmx only that one of its `fragments` that the request's target names.

    A fragment has the name of its partial in the template and of its element in the page.
    """
    fragment = _fragment(request, fragments)
    template = f"{name}.html#{fragment}" if fragment else f"{name}.html"
    response = render(request, template, {**(context or {}), "page": name, "fragment": fragment}, status=status)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def answer(request, form, act):
    """(what `act(cleaned data)` returned, status) once a form was sent rightly, else (None, status).

    What a service refuses becomes an error of the form, beside its field.
    """
    if request.method != "POST":
        return None, 200
    if not form.is_valid():
        return None, 422
    try:
        return act(form.cleaned_data), 200
    except BadInput as error:
        form.add_error(error.field if error.field in form.fields else None, _words(error))
        return None, error.status
    except (Conflict, Unavailable) as error:
        form.add_error(None, _words(error))
        return None, error.status


@sync_and_async_middleware
def request_id_middleware(get_response):
    """`request.request_id`: the caller's own X-Request-ID where it is one, else a new one; on the response as well."""
    if iscoroutinefunction(get_response):

        async def middleware(request):
            request.request_id = _request_id(request)
            return _with_request_id(request, await get_response(request))

    else:

        def middleware(request):
            request.request_id = _request_id(request)
            return _with_request_id(request, get_response(request))

    return middleware


@sync_and_async_middleware
def harmless_middleware(get_response):
    """No page has a hidden character in it, whoever put it into a name, a note or a log: one place for all of them."""
    if iscoroutinefunction(get_response):

        async def middleware(request):
            return _made_harmless(await get_response(request))

    else:

        def middleware(request):
            return _made_harmless(get_response(request))

    return middleware


def _made_harmless(response):
    if not response.streaming and response.get("Content-Type", "").startswith("text/html"):
        text = response.content.decode()
        if HIDDEN.search(text):
            response.content = harmless(text)
    return response


@sync_and_async_middleware
def error_middleware(get_response):
    """Errors that no view handled become designed answers; redirects become ones that htmx follows as a page."""
    if iscoroutinefunction(get_response):

        async def middleware(request):
            return _redirect_for_htmx(request, await get_response(request))

    else:

        def middleware(request):
            return _redirect_for_htmx(request, get_response(request))

    middleware.process_exception = error_response
    return middleware


def error_response(request, error):
    """The page of an error of ours; for htmx its fragment, in the dialog when a person waits for an answer there."""
    if not isinstance(error, FreezeframeError):
        return None
    if isinstance(error, NotProved):
        return _prove(request, error)
    if isinstance(error, NotAllowed):
        record_refusal(request, error)
    if error.status >= 500:
        logger.error("%s: %s", request.path, error, exc_info=error.__cause__)
    fragment = DIALOG if _is_htmx(request) else ""
    template = "error.html#dialog" if fragment else "error.html"
    context = {"error": error, "headline": HEADLINES.get(error.status, "That did not work"), "fragment": fragment}
    response = render(request, template, context, status=error.status)
    if fragment:
        waiting = request.method != "GET" or request.htmx.target == DIALOG
        response["HX-Retarget"] = f"#{DIALOG}"
        response["HX-Reswap"] = "innerHTML" if waiting else "none"
    return response


def _prove(request, error):
    """The form that asks for the password; it sends what was filled in once more, to where it was sent."""
    sent = [(name, value) for name, values in request.POST.lists() for value in values if name not in PROOF]
    fragment = DIALOG if _is_htmx(request) else ""
    context = {"error": error, "sent": sent, "fragment": fragment, "page": "prove", "address": request.get_full_path()}
    response = render(request, "prove.html#dialog" if fragment else "prove.html", context, status=error.status)
    if fragment:
        response["HX-Retarget"], response["HX-Reswap"] = f"#{DIALOG}", "innerHTML"
    return response


def record_refusal(request, error):
    """Who reached for what is not theirs is in the history; they are refused with or without an event."""
    match = getattr(request, "resolver_match", None)
    wanted = (match.url_name if match else "").replace("_", " ")
    about = error.about
    kinds = {Container: "container", Checkpoint: "checkpoint", Operation: "operation", Host: "host"}
    known = {kinds[type(about)]: about} if type(about) in kinds else {}
    with suppress(Unavailable):
        audit.record(
            by=caller(request),
            action="request.refused",
            result="refused",
            sentence=f"was refused: {wanted}, {about}" if about else f"was refused: {wanted}",
            details={"address": request.path, "reason": error.message},
            **known,
        )


def _is_htmx(request):
    """True when htmx wants a part of a page, not a whole one (a boosted link, the way back in the history)."""
    return bool(request.htmx) and not request.htmx.boosted and not request.htmx.history_restore_request


def _fragment(request, fragments):
    return request.htmx.target if _is_htmx(request) and request.htmx.target in fragments else ""


def _words(error):
    return " ".join(filter(None, [error.message, error.remedy]))


def _request_id(request):
    given = request.headers.get("X-Request-ID", "")
    return given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _with_request_id(request, response):
    """Nor is what a view answers kept by a browser or a proxy: who has signed out leaves nothing to go back to."""
    response["X-Request-ID"] = request.request_id
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _redirect_for_htmx(request, response):
    """XMLHttpRequest follows a redirect by itself, and htmx would put that page into the fragment's place."""
    if response.status_code not in {301, 302} or not _is_htmx(request):
        return response
    path, _, query = response.url.partition("?")
    if query and path == resolve_url(settings.LOGIN_URL):  # signed out meanwhile: come back to the page, not to a part
        return HttpResponseClientRedirect(f"{path}?{urlencode({'next': request.htmx.current_url_abs_path or '/'})}")
    return HttpResponseClientRedirect(response.url)


def address_of(request):
    """The client's address, or None where there is none (a unix socket)."""
    try:
        return str(ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")))
    except ValueError:
        return None
