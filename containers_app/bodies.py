"""How large a request may be. Django puts all of a body on the disk before it asks who sends it; this asks first.

An ASGI layer around Django. Knows HTTP, and whose session it is; what a body means, others know.
"""

from http.cookies import SimpleCookie
from importlib import import_module

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest

from . import access
from .api import problems
from .api.middleware import BELOW as API

MOST = 20 * 1024**2  # bytes of a form, of JSON, of one piece of an upload
ALWAYS = (  # what Django's middleware would have said
    (b"connection", b"close"), (b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
)  # fmt: skip
WHOLE_FILES = "/catalog/import/"  # where a form may bring a whole archive


class BoundedBodies:
    """Answers 413 for a body that is longer than it may be, by its announced length or as it comes."""

    def __init__(self, app):
        self._app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD", "OPTIONS"}:
            return await self._app(scope, receive, send)
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"")
        announced = int(length) if length.isdigit() else 0
        most = MOST
        if announced > MOST or not length:
            most = await sync_to_async(_most)(scope["path"], headers)
        if announced > most:
            return await _too_large(send, most, scope["path"])
        return await self._app(scope, _counted(receive, most), send)


def _most(path, headers):
    """Bytes that the person of this session may send there at once."""
    if path != WHOLE_FILES:
        return MOST
    cookie = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1")).get(settings.SESSION_COOKIE_NAME)
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(cookie.value if cookie else None)
    return settings.SPOOL_BYTES + MOST if access.may(get_user(request), "import_archive") else MOST


def _counted(receive, most):
    """`receive`, as if the client had gone once more bytes have come than may."""
    left = most

    async def counted():
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        return message if left >= 0 else {"type": "http.disconnect"}

    return counted


async def _too_large(send, most, path):
    words, kind = f"A request may have {most // 1024**2} MiB at the most.", "text/plain; charset=utf-8"
    if path.startswith(API):
        words, kind = problems.written(413, words), problems.CONTENT_TYPE
    words = f"{words}\n".encode()
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(words)).encode()), *ALWAYS]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": words})
