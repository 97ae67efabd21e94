"""The API's page: its document as people read it, made here from what the API itself says. No script, nothing from
elsewhere.
"""

from django.views.decorators.http import require_GET

from containers_app import access
from containers_app.api import api, problems
from containers_app.htmx import render_page

NOUNS = ("hosts", "images", "containers", "checkpoints", "lineage", "uploads", "operations", "audit")


@require_GET
def api_docs(request):
    access.require(request.user, "see")
    document = api.get_openapi_schema()
    schemas = document["components"]["schemas"]
    routes = [
        _route(path, method, details, schemas)
        for path, methods in document["paths"].items()
        for method, details in methods.items()
    ]
    context = {
        "nouns": [(noun, [route for route in routes if noun in route["tags"]]) for noun in NOUNS],
        "problems": [(status, *words) for status, words in problems.STATUSES.items()],
        "address": request.build_absolute_uri("/api/v1"),
    }
    return render_page(request, "api_docs", context)


def _route(path, method, details, schemas):
    """One route, as the page shows it: what it is called with, what it needs and what it answers."""
    words, _, _ = details["description"].rpartition("\n\n")
    body = details.get("requestBody", {}).get("content", {})
    status, answer = next((code, found) for code, found in details["responses"].items() if code.startswith("2"))
    return {
        "name": details["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": details["summary"],
        "words": words,
        "right": details["x-right"],
        "lets": access.RIGHTS[details["x-right"]],
        "tags": details["tags"],
        "takes": [_field(item["name"], item["schema"], item) for item in details["parameters"]],
        "sends": [(kind, _fields(found["schema"], schemas)) for kind, found in body.items()],
        "gives": [(kind, _fields(found["schema"], schemas)) for kind, found in answer.get("content", {}).items()],
        "status": status,
    }


def _fields(schema, schemas):
    """The fields of an object, or of the objects of a list or a page, and what else a page of them has."""
    schema = _resolved(schema, schemas)
    if "items" in schema:
        schema = _resolved(schema["items"], schemas)
    inner, beside = schema.get("properties", {}), {}
    if "items" in inner:
        beside = {name: details for name, details in inner.items() if name not in ("items", "next")}
        schema = _resolved(inner["items"]["items"], schemas)
    required = schema.get("required", ())
    found = {**schema.get("properties", {}), **beside}
    return [_field(name, details, {"required": name in required}) for name, details in found.items()]


def _resolved(schema, schemas):
    """What a reference leads to; of a default beside one, the reference."""
    found = schema.get("$ref") or next((part["$ref"] for part in schema.get("allOf", ()) if "$ref" in part), "")
    return schemas[found.rpartition("/")[2]] if found else schema


def _field(name, schema, details):
    return {
        "name": name,
        "type": _type(schema),
        "required": details.get("required", False),
        "default": schema.get("default"),
        "words": schema.get("description") or details.get("description", ""),
    }


def _type(schema):
    """A schema's shape in a few words: `integer`, `list of string`, `string or null`, `stop | copy`."""
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if "enum" in schema:
        return " | ".join(str(value) or "(empty)" for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_type(part) for part in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    return schema.get("format") or schema.get("type", "object")
