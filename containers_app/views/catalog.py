"""Pages of the catalog: the list with its filters and searches; edit, pin, favourite and discard of one checkpoint."""

from django.contrib import messages
from django.http import HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from containers_app import access, catalog, catalog_shown, queries
from containers_app.forms.catalog import CatalogForm, DiscardForm, EditForm, SearchForm
from containers_app.htmx import answer, caller, render_page
from containers_app.services import catalog as services
from containers_app.signins import require_proof

FILTERS = "checkpoint_filters"  # id of the form with the filters


@require_GET
def checkpoint_list(request):
    form = CatalogForm(request.GET)
    filters = form.filters()
    rows = catalog.checkpoints(request.user, **filters)
    address = form.address()
    context = {
        "form": form,
        "filters": filters,
        "chips": catalog_shown.filter_chips(form, filters, lambda: queries.hosts(request.user)),
        "sort": form.sort_key,
        "look": form.look,
        "table": catalog.page(rows, request.user, form.sort_key, **form.place()),
        "totals": catalog.totals(rows),
        "choices": SimpleLazyObject(lambda: catalog.choices(request.user)),
        "searches": request.user.saved_searches.all(),
        "address": address,
        "query": QueryDict(address),
        "columns": catalog_shown.catalog_columns(form.sort_key, catalog.SORTS),
        "may_import": access.may(request.user, "import_archive"),
    }
    response = render_page(request, "checkpoint_list", context, fragments=["checkpoint_table"])
    if request.htmx.trigger == FILTERS:
        response["HX-Push-Url"] = f"{request.path}?{address}" if address else request.path
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def checkpoint_edit(request, pk):
    checkpoint = access.get_checkpoint_for(request.user, pk, "edit_catalog")
    services.require_kept(checkpoint)
    tags = " ".join(tag.name for tag in checkpoint.tags.all())
    form = EditForm(request.POST or None, initial={"name": checkpoint.name, "note": checkpoint.note, "tags": tags})
    _, status = answer(request, form, lambda values: _edit(request, checkpoint, values))
    if request.method == "POST" and status == 200:
        return redirect("checkpoint_detail", checkpoint.pk)
    context = {"checkpoint": checkpoint, "form": form}
    return render_page(request, "checkpoint_edit", context, fragments=["dialog"], status=status)


def _edit(request, checkpoint, values):
    fields = {name: values[name] for name in ("name", "note", "tags")}
    services.edit(by=caller(request), checkpoint=checkpoint, **fields)


@require_POST
def checkpoint_pin(request, pk):
    """Pinned as the form says: `pinned` is yes or no."""
    checkpoint = access.get_checkpoint_for(request.user, pk, "edit_catalog")
    services.pin(by=caller(request), checkpoint=checkpoint, pinned=request.POST.get("pinned") == catalog.YES)
    return _back(request, checkpoint)


@require_POST
def checkpoint_favourite(request, pk):
    """A favourite as the form says: `favourite` is yes or no. For htmx the star comes back alone."""
    checkpoint = access.get_checkpoint_for(request.user, pk)
    favourite = request.POST.get("favourite") == catalog.YES
    services.favour(by=caller(request), checkpoint=checkpoint, favourite=favourite)
    if request.htmx:
        checkpoint.is_favourite = favourite
        return render(request, "_favourite.html", {"checkpoint": checkpoint})
    return _back(request, checkpoint)


def _back(request, checkpoint):
    """To the page that the form stood on, which must be one of ours."""
    address = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(address, allowed_hosts=None):
        return HttpResponseRedirect(address)
    return redirect("checkpoint_detail", checkpoint.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def checkpoint_discard(request, pk):
    checkpoint = access.get_checkpoint_for(request.user, pk, "discard")
    form = DiscardForm(request.POST or None, expected=checkpoint.name)
    operation, status = answer(
        request,
        form,
        lambda values: _discard(request, checkpoint, values["request_key"]),
    )
    if operation:
        messages.info(request, f"Asked {checkpoint.host.name} to discard {checkpoint.name}.")
        return redirect("operation_detail", operation.pk)
    context = {
        "checkpoint": checkpoint,
        "form": form,
        "reason": services.in_the_way(checkpoint),
        "lost": catalog_shown.lost_with(checkpoint),
        "others": catalog.others_of(checkpoint),
    }
    return render_page(request, "checkpoint_discard", context, fragments=["dialog"], status=status)


def _discard(request, checkpoint, request_key):
    require_proof(request)
    return services.request_discard(by=caller(request), checkpoint=checkpoint, request_key=request_key)


@require_POST
def search_save(request):
    form = SearchForm(request.POST)
    if not form.is_valid():
        messages.error(request, "The search needs a name, of 80 characters at the most.")
        return redirect("checkpoint_list")
    search = services.save_search(by=caller(request), **form.cleaned_data)
    messages.info(request, f"Saved the search {search.name}.")
    return HttpResponseRedirect(f"{reverse('checkpoint_list')}?{search.query}")


@require_POST
def search_delete(request, pk):
    search = get_object_or_404(request.user.saved_searches, pk=pk)
    services.delete_search(by=caller(request), search=search)
    messages.info(request, f"Deleted the search {search.name}.")
    return redirect("checkpoint_list")
