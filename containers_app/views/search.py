"""The search page: containers, checkpoints and operations that have a text."""

from django.shortcuts import render
from django.views.decorators.http import require_GET

from containers_app import queries
from containers_app.htmx import asked


@require_GET
def search(request):
    q = asked(request, "q")
    return render(request, "search.html", {"page": "search", "q": q, **queries.search(request.user, q)})
