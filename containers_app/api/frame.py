"""What every route of the API has: its token, its declared right, its idempotency key, pages by cursor.

Routes are declared with `Routes.route`, which takes the right; there is no way to declare one without.
"""

import json
import re
import uuid
from typing import Annotated, Generic, TypeVar

from django.core.cache import cache
from ninja import Field, NinjaAPI, Path, Query, Router, Schema
from ninja.parser import Parser
from ninja.security import HttpBearer

from containers_app import access
from containers_app.errors import BadInput
from containers_app.htmx import address_of, caller
from containers_app.services import tokens

from . import problems

T = TypeVar("T")

MOST = 200  # rows of a page
USUAL = 50
FAILURES = 20  # refused tokens of one address in a minute that are looked at, and written down, one by one
MINUTE = 60
KEYS = uuid.UUID("6f0b4b7e-3b0c-4a57-9d64-0f4f5e8f2a11")  # namespace of the keys that callers choose
KEY = re.compile(r"[\x21-\x7e]{1,255}")

Id = Annotated[int, Path(ge=1, le=2**63 - 1)]
Cursor = Annotated[
    str, Query("", pattern="^[0-9]{0,18}$", description="`next` of the page before; empty: the first page.")
]
Limit = Annotated[int, Query(USUAL, ge=1, le=MOST, description="Rows of a page.")]


class Page(Schema, Generic[T]):
    items: list[T]
    next: str | None = Field(description="Cursor of the next page; null: this is the last one.")


class Token(HttpBearer):
    """The token of a request, and the right that its route needs."""

    def __init__(self, right, *, on_one):
        super().__init__()
        self.right, self._on_one = right, on_one
        self.parameters = frozenset()  # names that the address may have after its ?

    def authenticate(self, request, token):
        found = tokens.find(token)
        if found is None or found.why_not:
            _refuse(request, found)
        request.user, request.token, request.right = found.person, found, self.right
        tokens.used(found, address=address_of(request))
        if not self._on_one:  # of one thing `access.get_x_for` says first whether it is seen at all
            access.require(request.user, self.right)
        for name in request.GET.keys() - self.parameters:
            raise BadInput(
                f"There is no parameter {name[:80]!r} here.", field=name[:80]
            )  # a misspelt filter filters not
        return found


def _refuse(request, token):
    """Good tokens are never held up by bad ones: with 256 bits there is nothing to guess, only a history to fill."""
    key = f"api-refused-{address_of(request)}"
    cache.add(key, 0, timeout=MINUTE)
    if cache.incr(key) > FAILURES:
        raise problems.TooMany("Too many tokens that open nothing came from this address.", seconds=MINUTE)
    request.user = request.token = None
    tokens.record_refusal(by=caller(request), token=token)
    why = f"This token is {token.why_not}." if token else "Nobody knows this token."
    raise problems.NotAuthenticated(why, remedy="Make a new one on the page of your tokens.")


class Routes(Router):
    """The routes of one noun."""

    def route(self, method, path, *, right, answer, status=200, extra=None, **values):
        """Declare one: `right` is what it needs, `answer` the schema of what it says, `extra` more for the document.

        Of one thing (a path with its id) the right is asked by `access.get_x_for` with `request.right`.
        """
        token, extra = Token(right, on_one="{" in path), {**(extra or {}), "x-right": right}
        declared = self.api_operation(
            [method], path, auth=token, response={status: answer}, openapi_extra=extra, **values
        )

        def declare(view):
            made = declared(view)
            queries = [model for model in made._ninja_operation.models if model.__ninja_param_source__ == "query"]
            token.parameters = frozenset(name for model in queries for name in model.__ninja_flatten_map__)
            return made

        return declare


class JsonParser(Parser):
    """Only what says that it is JSON, and is."""

    def parse_body(self, request):
        if request.content_type != "application/json":
            raise problems.Unsupported("The body must be application/json.")
        try:
            return json.loads(request.body)
        except (ValueError, RecursionError) as error:
            raise problems.Malformed("The body is not JSON.") from error


class Api(NinjaAPI):
    """Ninja's, with what all routes have in the document as well."""

    def get_openapi_operation_id(self, operation):
        return operation.view_func.__name__

    def get_openapi_schema(self, **values):
        document = super().get_openapi_schema(**values)
        document["components"]["schemas"]["FieldError"] = problems.FieldError.json_schema()
        problem = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        problem.pop("$defs", None)
        document["components"]["schemas"]["Problem"] = problem
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                _complete(path, method, operation)
        return document


def _complete(path, method, operation):
    """What `frame` and `problems` do on every route, written into its part of the document."""
    needs = f"Needs the right `{operation['x-right']}`, of the token and of its person."
    operation["description"] = "\n\n".join(filter(None, [operation.get("description"), needs]))
    statuses = {401, 403, 422, 429, 500, 503}
    if "{" in path or method != "get":
        statuses |= {404, 409}
    if "schemas/Operation" in str(operation["responses"].get(202)):
        operation["parameters"].append(IDEMPOTENCY_KEY)
    if "requestBody" in operation:
        statuses |= {400, 413, 415}
    statuses |= {status for status in operation["responses"] if status >= 400}
    for status in sorted(statuses):
        content = {problems.CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        operation["responses"][status] = {"description": problems.STATUSES[status][1], "content": content}
    operation["responses"] = {str(status): details for status, details in operation["responses"].items()}


IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "schema": {"type": "string", "pattern": r"^[\x21-\x7e]{1,255}$"},
    "description": "The same key of the same person at the same address is one request: the first one is answered.",
}


def request_key(request):
    """The services' request_key for the caller's Idempotency-Key, or None."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not KEY.fullmatch(key):
        raise BadInput("1 to 255 printable characters.", field="Idempotency-Key")
    return uuid.uuid5(KEYS, f"{request.user.pk} {request.method} {request.path} {key}")


def page(rows, cursor, limit):
    """The Page of `rows`, newest first by primary key, after the one that `cursor` names."""
    rows = rows.order_by("-pk")
    if cursor:
        rows = rows.filter(pk__lt=int(cursor))
    found = list(rows[: limit + 1])
    return {"items": found[:limit], "next": str(found[limit - 1].pk) if len(found) > limit else None}
