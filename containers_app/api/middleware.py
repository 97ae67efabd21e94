"""Around every address of the API: no cookie goes in, nothing is kept by caches, and every error is a problem.

Also those errors that no route raised: an address that leads nowhere, a method that is not there, a host that is not
ours, a failure of Freezeframe itself.
"""

from asgiref.sync import iscoroutinefunction
from django.utils.decorators import sync_and_async_middleware

from . import problems

BELOW = "/api/v1/"


@sync_and_async_middleware
def api_middleware(get_response):
    if iscoroutinefunction(get_response):

        async def middleware(request):
            if not request.path.startswith(BELOW):
                return await get_response(request)
            return _finished(request, await get_response(_without_cookies(request)))

    else:

        def middleware(request):
            if not request.path.startswith(BELOW):
                return get_response(request)
            return _finished(request, get_response(_without_cookies(request)))

    return middleware


def _without_cookies(request):
    """A browser sends its session along with whatever another site makes it ask for: here only tokens count."""
    request.META.pop("HTTP_COOKIE", None)
    request.COOKIES = {}
    return request


def _finished(request, response):
    if response.status_code >= 400 and response.get("Content-Type") != problems.CONTENT_TYPE:
        response = _as_problem(request, response)
    response["Cache-Control"] = "no-store"
    return response


def _as_problem(request, response):
    status = response.status_code
    words = problems.STATUSES.get(status, ("", "This cannot be answered."))[1]
    problem = problems.response(request, status=status, detail=words)
    for name in ("Allow", "Content-Range"):
        if name in response:
            problem[name] = response[name]
    return problem
