"""Errors of the API: problem details (RFC 9457) for everything that goes wrong, whoever found it.

Knows HTTP and `errors`. A problem's `type` leads to its words on the API's page.
"""

import json
import logging
from http import HTTPStatus

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpResponse, UnreadablePostError
from ninja import Field, Schema
from ninja.errors import HttpError, ValidationError

from containers_app.errors import FreezeframeError, NotAllowed
from containers_app.htmx import record_refusal

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
DOCS = "/api/docs/#problem-"

# Every status that answers a request that did not work: its code where no error of ours has one, and when it comes.
STATUSES = {
    400: ("malformed", "The request cannot be read: its body is not JSON."),
    401: ("not-authenticated", "There is no token, or one that opens nothing: unknown, expired or revoked."),
    403: ("not-allowed", "The token, or its person, may see it but not do that."),
    404: ("not-found", "It is not there, or this token may not see it."),
    405: ("method-not-allowed", "The address is right, the method is not."),
    409: ("conflict", "It could be done, but not now: the state of things is in the way."),
    413: ("too-large", "The body is larger than this address takes."),
    415: ("unsupported-media-type", "The body's Content-Type is not one that this address takes."),
    416: ("range-not-satisfiable", "It has not so many bytes: Content-Range says how many."),
    422: ("bad-input", "What was sent cannot be used; `errors` names the fields."),
    429: (
        "too-many-requests",
        "Too many tokens that open nothing came from this address; Retry-After says when again.",
    ),
    500: ("error", "Freezeframe itself failed. Its own log has the request's id."),
    502: ("command-failed", "A command on the host failed."),
    503: ("unavailable", "Something that is needed is away: the database, Redis, the host's agent, the archive store."),
}


class FieldError(Schema):
    field: str = Field(description="Path of the field, with dots: `options.publish`; empty: all of it.")
    message: str


class Problem(Schema):
    """RFC 9457. Programs compare `code`; people read `detail` and `remedy`."""

    type: str = Field(description="Where the code is explained.")
    title: str = Field(description="The HTTP status in words.")
    status: int
    detail: str = Field(description="What happened, in one sentence.")
    code: str = Field(description="A stable word for it, such as `conflict` or `foreseen`.")
    remedy: str = Field(description="What to do next; may be empty.")
    request_id: str = Field(description="The X-Request-ID of the answer, also in the audit history.")
    errors: list[FieldError] = Field(description="What is wrong with which field of the request.")


class Malformed(FreezeframeError):
    code, status = "malformed", 400


class NotAuthenticated(FreezeframeError):
    code, status = "not-authenticated", 401


class TooLarge(FreezeframeError):
    code, status = "too-large", 413


class Unsupported(FreezeframeError):
    code, status = "unsupported-media-type", 415


class TooMany(FreezeframeError):
    """`seconds` from now it may be tried again."""

    code, status = "too-many-requests", 429

    def __init__(self, message, *, seconds):
        super().__init__(message)
        self.seconds = seconds


def response(request, *, status, detail, code="", remedy="", errors=()):
    """The HttpResponse of one problem."""
    named = {"code": code, "remedy": remedy, "request_id": getattr(request, "request_id", ""), "errors": list(errors)}
    answer = HttpResponse(written(status, detail, **named), status=status, content_type=CONTENT_TYPE)
    if status == 401:
        answer["WWW-Authenticate"] = 'Bearer realm="Freezeframe"'
    return answer


def written(status, detail, *, code="", remedy="", request_id="", errors=()):
    """One problem as JSON."""
    code = code or STATUSES.get(status, ("error",))[0]
    body = {
        "type": f"{DOCS}{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "remedy": remedy,
        "request_id": request_id,
        "errors": list(errors),
    }
    return json.dumps(body)


def handle_with(api):
    """Teach a NinjaAPI these answers."""
    for kind, handler in {
        FreezeframeError: _ours,
        ValidationError: _invalid,
        HttpError: _ninjas,
        Http404: _not_found,
        RequestDataTooBig: _too_large,
        UnreadablePostError: _gone,
    }.items():
        api.add_exception_handler(kind, handler)


def _ours(request, error):
    if isinstance(error, NotAllowed):
        record_refusal(request, error)
    if error.status >= 500:
        log.error("%s: %s", request.path, error, exc_info=error.__cause__)
    field = getattr(error, "field", "")
    found = [{"field": field, "message": error.message}] if field else []
    answer = response(
        request, status=error.status, detail=error.message, code=error.code, remedy=error.remedy, errors=found
    )
    if isinstance(error, TooMany):
        answer["Retry-After"] = str(error.seconds)
    return answer


def _invalid(request, error):
    """Ninja names the place of the request first and its own argument second: people know neither."""
    found = [
        {"field": ".".join(str(part) for part in _place(item["loc"])), "message": item["msg"]} for item in error.errors
    ]
    return response(request, status=422, detail="Some of what was sent cannot be used.", errors=found)


def _place(location):
    return location[2:] if location[0] == "body" else location[1:]


def _ninjas(request, error):
    """What Ninja's parser raises comes wrapped in Ninja's own error."""
    if isinstance(error.__cause__, FreezeframeError):
        return _ours(request, error.__cause__)
    if error.status_code == 401:
        return _ours(request, NotAuthenticated("There is no token.", remedy="Send Authorization: Bearer ffz_…"))
    return response(request, status=error.status_code, detail=error.message)


def _not_found(request, error):
    return response(request, status=404, detail="Nothing is here, or this token may not see it.")


def _too_large(request, error):
    return _ours(request, TooLarge("The body is too large."))


def _gone(request, error):
    return _ours(request, Malformed("The body ended before its end."))
