"""Sign-ins, failed ones and sign-outs into the audit history. Connected when the application starts."""

from dataclasses import replace

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver

from . import htmx
from .services import audit


@receiver(user_logged_in)
def signed_in(request, user, **kwargs):
    audit.record(by=replace(htmx.caller(request), user=user), action="person.signed_in", sentence="signed in")


@receiver(user_logged_out)
def signed_out(request, user, **kwargs):
    if user is not None:
        audit.record(by=replace(htmx.caller(request), user=user), action="person.signed_out", sentence="signed out")


@receiver(user_login_failed)
def refused(credentials, request=None, **kwargs):
    if request is None:
        return
    audit.record(
        by=replace(htmx.caller(request), user=None),
        action="person.refused",
        result="refused",
        sentence=f"refused a sign-in as {str(credentials.get('username', ''))[:150]}",
    )
