"""Signing in and out, and one's own account: sessions and password. Knows nothing of containers."""

from datetime import timedelta

from axes.helpers import get_client_ip_address
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash, views
from django.contrib.auth.decorators import login_not_required
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from containers_app import access
from containers_app.errors import NotProved
from containers_app.forms.people import PasswordForm, RecoveryForm
from containers_app.htmx import answer, caller, error_response, render_page
from containers_app.models import SignIn
from containers_app.services import audit, people, second_factor
from containers_app.signins import enter, new_key, require_proof

page_or_form = require_http_methods(["GET", "HEAD", "POST"])


class SignIns(views.LoginView):
    """Django's own, which leads to the code where there is a second factor."""

    template_name = "sign_in.html"
    redirect_authenticated_user = True
    extra_context = {"page": "sign_in"}

    def form_valid(self, form):
        return enter(self.request, form.get_user(), self.get_success_url())


sign_in = SignIns.as_view()
sign_out = views.LogoutView.as_view()


def locked_out(request, response, credentials):
    """Too many wrong passwords of this name came from this address: it says when the next one is looked at."""
    credentials = credentials or getattr(request, "axes_credentials", None)  # where axes has not handed them on
    name, address = (credentials or {}).get("username", ""), get_client_ip_address(request)
    last = AccessAttempt.objects.filter(username=name, ip_address=address).order_by("-attempt_time").first()
    until = (last.attempt_time if last else timezone.now()) + timedelta(minutes=settings.LOCKOUT_MINUTES)
    if request.user.is_authenticated:
        return error_response(
            request, NotProved(f"Too many wrong passwords. Try again at {until:%H:%M} UTC.", wrong=True)
        )
    response = render(request, "sign_in.html", {"page": "sign_in", "locked_until": until, "name": name}, status=429)
    response["Retry-After"] = max(1, int((until - timezone.now()).total_seconds()))
    return response


@sensitive_post_parameters()
@never_cache
@page_or_form
def account(request):
    """Who one is, where one is signed in, and the form for another password."""
    form = PasswordForm(request.POST or None, user=request.user)
    changed, status = answer(request, form, lambda values: _change_password(request, values["password"]))
    if changed:
        messages.info(request, "Your password is changed, and every other session has ended.")
        return redirect("account")
    context = {
        "form": form,
        "sessions": people.sessions(request.user),
        "here": request.session.session_key,
        "holds": access.holds(request.user),
        "factor": second_factor.device_of(request.user),
        "codes_left": second_factor.codes_left(request.user),
        "hours": settings.SESSION_HOURS,
    }
    return render_page(request, "account", context, status=status)


def _change_password(request, password):
    people.set_password(
        by=caller(request), user=request.user, password=password, keep_session=request.session.session_key
    )
    with new_key(request):
        update_session_auth_hash(request, request.user)
    return True


@require_POST
def session_end(request, pk):
    """End one of one's own sessions."""
    require_proof(request)
    chosen = SignIn.objects.filter(user=request.user, pk=pk)
    if not chosen.exists():
        raise Http404
    return _end(request, chosen)


@require_POST
def sessions_end(request):
    """End all of one's sessions but this."""
    require_proof(request)
    return _end(request, SignIn.objects.filter(user=request.user).exclude(session_key=request.session.session_key))


def _end(request, sign_ins):
    ended = people.end_sessions(by=caller(request), sign_ins=sign_ins)
    messages.info(request, f"Ended {ended} session{'' if ended == 1 else 's'}." if ended else "There was no other one.")
    return redirect("account")


@sensitive_post_parameters()
@never_cache
@login_not_required
@page_or_form
def recover(request, uid, token):
    """A password of one's own, by the link that an administrator has made."""
    user = people.person_of_link(uid, token)
    if user is None:
        return render(request, "recover.html", {"page": "recover"}, status=404)
    form = RecoveryForm(request.POST or None)
    by = audit.Caller(**{**caller(request).__dict__, "user": user, "authenticated": "link"})
    changed, status = answer(
        request, form, lambda values: people.set_password(by=by, user=user, password=values["password"]) or True
    )
    if changed:
        return enter(request, user, reverse("container_list"))
    response = render(request, "recover.html", {"page": "recover", "form": form, "person": user}, status=status)
    response["Referrer-Policy"] = "no-referrer"  # the address is the key
    return response
