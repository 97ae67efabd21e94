"""Pages of tokens: one's own, and those of service accounts for who manages accounts. A token's text is shown once."""

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_http_methods

from containers_app import access, queries
from containers_app.forms.base import ConfirmForm
from containers_app.forms.tokens import ServiceAccountForm, TokenForm
from containers_app.htmx import answer, asked, caller, render_page
from containers_app.services import tokens
from containers_app.signins import require_proof

page_or_form = require_http_methods(["GET", "HEAD", "POST"])


@require_GET
def token_list(request):
    manages = access.may(request.user, "manage_people")
    context = {
        "own": queries.tokens_of(request.user),
        "manages": manages,
        "accounts": queries.service_accounts() if manages else [],
    }
    return render_page(request, "token_list", context)


@page_or_form
def token_create(request):
    """The form, and after a press the token itself: this answer is the only place where its text is ever seen."""
    person = _person(request)
    if request.method == "POST":
        require_proof(request)
    own = person == request.user
    rights = access.rights_on(person) if own else access.RIGHTS
    form = TokenForm(request.POST or None, rights=[name for name in access.RIGHTS if name in rights])
    made, status = answer(request, form, lambda values: tokens.create(by=caller(request), user=person, **values))
    token, text = made or (None, "")
    context = {"form": form, "person": person, "own": own, "token": token, "text": text}
    response = render_page(request, "token_create", context, fragments=["dialog"], status=status)
    response["Cache-Control"] = "no-store"
    return response


@page_or_form
def token_revoke(request, pk):
    token = get_object_or_404(queries.tokens_for(request.user), pk=pk)
    form = ConfirmForm(request.POST or None)
    done, status = answer(request, form, lambda values: tokens.revoke(by=caller(request), token=token) or token)
    if done:
        messages.info(request, f"{token.name} opens nothing any more.")
        return redirect("token_list")
    context = {"token": token, "form": form}
    return render_page(request, "token_revoke", context, fragments=["dialog"], status=status)


@page_or_form
def token_account(request):
    """A new service account: a program's own name in the history."""
    access.require(request.user, "manage_people")
    form = ServiceAccountForm(request.POST or None)
    made, status = answer(
        request, form,
        lambda values: tokens.add_service_account(
            by=caller(request), name=values["name"], purpose=values["purpose"]
        ),
    )  # fmt: skip
    if made:
        messages.info(request, f"Added {made.get_username()}. It has no right until a team takes it in.")
        return redirect("token_list")
    return render_page(request, "token_account", {"form": form}, fragments=["dialog"], status=status)


def _person(request):
    """Whose token it will be: one's own, or of the service account that is named."""
    number = request.POST.get("account") or asked(request, "account")
    if not number:
        access.require(request.user, "see")
        return request.user
    access.require(request.user, "manage_people")
    accounts = get_user_model().objects.exclude(service_account=None)
    return get_object_or_404(accounts, pk=number if number.isdigit() and len(number) < 18 else 0)
