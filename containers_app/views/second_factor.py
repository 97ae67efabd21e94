"""The second factor: asked for at sign-in, set up and removed on the account's page. Knows nothing of containers."""

from base64 import b32encode

import segno
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.shortcuts import redirect, render
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from containers_app.forms.people import CodeForm, EnrolForm
from containers_app.htmx import SECOND, answer, caller, render_page
from containers_app.services import second_factor as factors
from containers_app.signins import enter_with_code, halfway, require_proof

OFFERED = "offered_key"  # in the session: the secret of the second factor that is being set up
page_or_form = require_http_methods(["GET", "HEAD", "POST"])


@sensitive_post_parameters()
@never_cache
@login_not_required
@page_or_form
def sign_in_code(request):
    """The code, once the password was right."""
    user = halfway(request)
    if user is None:
        return redirect("sign_in")
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        to = enter_with_code(request, user, form.cleaned_data["code"])
        if to:
            return redirect(to)
        form.add_error("code", _wrong_code(user))
    status = 422 if form.errors else 200
    return render(request, "sign_in_code.html", {"page": "sign_in_code", "form": form, "name": user}, status=status)


def _wrong_code(user):
    seconds = factors.waits(user)
    return (
        f"That is no code of yours, or it was used. The next is looked at in {seconds} s."
        if seconds
        else "That is no code of yours."
    )


@sensitive_post_parameters()
@never_cache
@page_or_form
def second_factor(request):
    """Set up a second factor: the picture for the app, and the first code of it; then the recovery codes, once."""
    if factors.device_of(request.user):
        return redirect("account")
    if request.method == "POST":
        require_proof(request)
    key = request.session.setdefault(OFFERED, factors.new_key())
    form = EnrolForm(request.POST or None)
    codes, status = answer(request, form, lambda values: _enrol(request, key, values["code"]))
    if codes:
        return _codes(request, codes)
    address = factors.address(request.user, key)
    context = {"form": form, "picture": _picture(address), "secret": _grouped(key), "address": address}
    return render_page(request, "second_factor", context, status=status)


def _enrol(request, key, code):
    codes = factors.enrol(by=caller(request), key=key, code=code, keep_session=request.session.session_key)
    del request.session[OFFERED]
    request.session[SECOND] = factors.APP
    return codes


def _picture(address):
    """The address as a QR code, an SVG that may stand in the page."""
    drawn = segno.make(address, error="m").svg_inline(scale=4, border=4, dark="#000", light="#fff", omitsize=True)
    return mark_safe(drawn)  # noqa: S308 - drawn by segno, which writes no text of anybody's


def _grouped(key):
    """The secret as apps want it typed: base32, in groups of four."""
    text = b32encode(bytes.fromhex(key)).decode()
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def _codes(request, codes):
    return render_page(request, "recovery_codes", {"codes": codes})


@never_cache
@require_POST
def recovery_codes(request):
    """Other recovery codes, shown once."""
    require_proof(request)
    return _codes(request, factors.renew_codes(by=caller(request)))


@require_POST
def second_factor_remove(request):
    require_proof(request)
    factors.remove(by=caller(request), user=request.user, keep_session=request.session.session_key)
    request.session.pop(SECOND, None)
    messages.info(request, "You sign in with your password alone from now on.")
    return redirect("account")
