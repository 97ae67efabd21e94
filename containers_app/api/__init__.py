"""The API under /api/v1/: one module per noun, the same services underneath as the pages, no logic of its own.

Knows HTTP and tokens; never Podman, never a session. `frame` is what every route has, `problems` every error.
"""

from django.contrib.auth.decorators import login_not_required

from . import audit, checkpoints, containers, hosts, images, insides, lineages, operations, problems, uploads
from .frame import Api, JsonParser

api = Api(
    title="Freezeframe",
    version="1",
    description="Checkpoints and restores containers with Podman and CRIU. docs/api.md tells how to use it.",
    urls_namespace="api",
    docs_url=None,
    parser=JsonParser(),
)
for _noun in (hosts, images, containers, checkpoints, insides, lineages, uploads, operations, audit):
    api.add_router("", _noun.routes)
problems.handle_with(api)

_patterns, _app, _namespace = api.urls
for _pattern in _patterns:
    login_not_required(_pattern.callback)  # a token opens it, and no session does
api_urls = (_patterns, _app, _namespace)
