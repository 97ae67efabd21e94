"""Pages of archives from elsewhere: bringing one in, its review and the decision, the import policy; and uploads.

An upload is `POST` for a key, `PUT` of pieces at the offset that is wanted, and the form with that key. Without
JavaScript the form sends the file itself.
"""

import json

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from containers_app import access, queries
from containers_app.errors import BadInput, FreezeframeError
from containers_app.forms.imports import DecisionForm, ImportForm, ImportPolicyForm
from containers_app.htmx import answer, asked, caller, render_page
from containers_app.models import Host, ImportReview
from containers_app.services import imports, reviews, uploads
from containers_app.signins import require_proof

from .spooled import SpoolHandler

PIECE_MOST = 2 * uploads.PIECE  # bytes of one PUT
page_or_form = require_http_methods(["GET", "HEAD", "POST"])


@csrf_exempt  # only until it is known who sends: then the form, gigabytes of it, is read and its token compared
@page_or_form
def checkpoint_import(request):
    access.require(request.user, "import_archive")
    handler = SpoolHandler(request)
    request.upload_handlers = [handler]
    try:
        return _import(request, handler)
    finally:
        handler.forget()


@csrf_protect
def _import(request, handler):
    form = ImportForm(request.POST or None, request.FILES or None, hosts=Host.objects.all(), user=request.user)
    if handler.error:
        form.add_error("file", handler.error.message)
    operation, status = answer(request, form, lambda values: _request_import(request, values))
    if operation:
        messages.info(request, f"Asked {operation.host.name} to bring in {operation.subject}.")
        return redirect("operation_detail", operation.pk)
    get_token(request)
    context = {"form": form, "piece": uploads.PIECE, "policy": reviews.policy()}
    return render_page(request, "checkpoint_import", context, status=status)


def _request_import(request, values):
    by, file = caller(request), values["file"]
    upload = values["upload"]
    if file:
        upload = uploads.receive_whole(by=by, file_name=file.name, size=file.size, key=file.key)
    elif upload and upload.state == upload.State.RECEIVING:
        uploads.finish(upload=upload)
    return imports.request_import(
        by=by, host=values["host"], upload=upload, path=values.get("path", ""), name=values["name"],
        note=values["note"], tags=values["tags"], request_key=values["request_key"],
    )  # fmt: skip


@require_POST
def upload_begin(request):
    """{key, offset, piece} for {name, size}."""
    access.require(request.user, "import_archive")

    def begin():
        try:
            asked_for = json.loads(request.body)
            name, size = str(asked_for["name"]), int(asked_for["size"])
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput("An upload has a name and a size.") from error
        return uploads.begin(by=caller(request), file_name=name, size=size)

    return _as_json(request, begin, status=201)


@require_http_methods(["GET", "PUT", "DELETE"])
def upload_detail(request, key):
    """GET says how far it has come, PUT brings the bytes from `?offset=`, DELETE ends it."""
    upload = access.get_upload_for(request.user, key)
    if request.method == "DELETE":
        return _as_json(request, lambda: uploads.abandon(by=caller(request), upload=upload), status=204)
    if request.method == "PUT":
        return _as_json(request, lambda: _receive(request, upload))
    return _as_json(request, lambda: upload)


def _receive(request, upload):
    offset, length = request.GET.get("offset", ""), int(request.META.get("CONTENT_LENGTH") or 0)
    if not offset.isascii() or not offset.isdigit():
        raise BadInput("The offset is a number of bytes.")
    if not 0 < length <= PIECE_MOST:
        raise BadInput(f"A piece has between 1 and {PIECE_MOST} bytes.")
    uploads.receive(upload=upload, offset=int(offset), source=request)
    return upload


def _as_json(request, act, status=200):
    """The upload that `act` returned, or its error in words, with how far the upload has come."""
    try:
        upload = act()
    except FreezeframeError as error:
        return JsonResponse({"error": error.message, "remedy": error.remedy}, status=error.status)
    if upload is None:
        return HttpResponse(status=status)
    where = reverse("upload_detail", args=[upload.key])
    said = {
        "key": str(upload.key),
        "offset": upload.received,
        "size": upload.size,
        "url": where,
        "piece": uploads.PIECE,
    }
    return JsonResponse({**said, "state": upload.state}, status=status)


@require_GET
def checkpoint_reviews(request):
    """Archives from elsewhere, those that wait first."""
    state = asked(request, "state")
    state = state if state in ImportReview.Verdict.values else ""
    rows = queries.import_reviews(request.user)
    shown = rows.filter(verdict=state) if state else rows
    context = {
        "table": queries.paged(shown, request.GET.get("page")),
        "chips": queries.review_filters(rows, state),
        "may_import": access.may(request.user, "import_archive"),
    }
    return render_page(request, "checkpoint_reviews", context, fragments=["review_table"])


@page_or_form
def checkpoint_review(request, pk):
    """What one import found; for who may approve, the decision."""
    right = "approve_imports" if request.method == "POST" else "see"
    review = access.get_review_for(request.user, pk, right)
    form = DecisionForm(request.POST or None)
    decided, status = answer(request, form, lambda values: _decide(request, review, values))
    if decided:
        messages.info(request, f"{decided.checkpoint}: {decided.get_verdict_display()}.")
        return redirect("checkpoint_review", pk)
    context = {
        "review": review,
        "form": form,
        "groups": _grouped(review.findings),
        "may_approve": access.may(request.user, "approve_imports", on=review),
        "own": reviews.policy().four_eyes and review.operation.requested_by_id == request.user.pk,
    }
    return render_page(request, "checkpoint_review", context, fragments=["review"], status=status)


def _decide(request, review, values):
    require_proof(request)
    return reviews.decide(
        by=caller(request), review=review, approve=values["decision"] == "approve", reason=values["reason"]
    )


def _grouped(findings):
    """[(level, title, rows)] of the findings, the gravest first."""
    titles = {
        "block": "Nobody may approve this", "approval": "Beyond the import policy", "note": "Good to know",
    }  # fmt: skip
    groups = [(level, title, [row for row in findings if row["level"] == level]) for level, title in titles.items()]
    return [group for group in groups if group[2]]


@page_or_form
def policy_imports(request):
    access.require(request.user, "manage_policies")
    policy = reviews.policy()
    now = {name: "\n".join(item) if isinstance(item, list) else item for name, item in reviews.rules(policy).items()}
    form = ImportPolicyForm(request.POST or None, initial={**now, "host_namespaces": policy.host_namespaces})
    changed, status = answer(request, form, lambda values: _change_policy(request, values))
    if changed:
        messages.info(request, "The import policy is changed.")
        return redirect("policy_list")
    context = {"form": form, "policy": policy}
    return render_page(request, "policy_imports", context, fragments=["dialog"], status=status)


def _change_policy(request, values):
    return reviews.change_policy(by=caller(request), **{name: values[name] for name in reviews.RULES})
