"""The search page: containers, checkpoints and operations that have a text."""

from django.shortcuts import render
from django.views.decorators.http import require_GET

from containers_app import catalog, queries
from containers_app.htmx import asked

MOST = 20  # of each kind


@require_GET
def search(request):
    q = asked(request, "q")
    rows = catalog.checkpoints(request.user, q=q) if q else None
    found = catalog.page(rows, request.user, "newest").rows[:MOST] if q else []
    others = queries.search(request.user, q, MOST)
    return render(request, "search.html", {"page": "search", "q": q, "checkpoints": found, **others})
