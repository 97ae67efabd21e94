"""The second factor: a code that an authenticator app makes every 30 seconds (TOTP, RFC 6238), or a recovery code.

django-otp keeps the device, judges codes, refuses one that was used already, and has whoever types wrong ones wait.
Each change is an event, and ends the person's other sessions. Knows no request: who is asked when, `signins` says.
"""

import hashlib
import re
import secrets

import django_otp
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice, default_key

from containers_app import access
from containers_app.errors import BadInput, Conflict
from containers_app.models import RecoveryCode

from . import audit, people

CODE = re.compile(r"[0-9]{6}")
CODES = 10  # recovery codes of one person
ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # 32 that nobody takes for one another: five bits each
LENGTH = 26  # 130 bits: nothing to guess, so a plain digest is enough
GROUP = 5  # written with a hyphen after so many
APP, RECOVERY = "code", "recovery code"  # how it was shown, in the words of the history


def device_of(user):
    """The person's authenticator app; None where they have no second factor."""
    return TOTPDevice.objects.filter(user=user, confirmed=True).first()


def told_of(rows):
    """People with `has_second_factor`."""
    return rows.annotate(has_second_factor=Exists(TOTPDevice.objects.filter(user=OuterRef("pk"), confirmed=True)))


def codes_left(user):
    """How many recovery codes are good still."""
    return RecoveryCode.objects.filter(user=user, used_at=None).count()


def is_required(user):
    """True when the setting wants a second factor of this person."""
    if settings.SECOND_FACTOR == "administrators":
        return access.may(user, "manage_people")
    return settings.SECOND_FACTOR == "everyone"


def new_key():
    """A secret of 160 random bits, in hex, for `address` and `enrol`."""
    return default_key()


def address(user, key):
    """The otpauth:// address that an app reads from the picture."""
    return TOTPDevice(user=user, key=key).config_url


def enrol(*, by, key, code, keep_session=None):
    """The app that makes `code` of `key` is the person's second factor from now on; returns their recovery codes.

    Raises BadInput for a code that is not the app's, Conflict for somebody who has a second factor.
    """
    device = TOTPDevice(user=by.user, name="authenticator app", key=key)
    with transaction.atomic():
        if device_of(by.user):
            raise Conflict("There is a second factor already.", remedy="Remove it first.")
        device.save()
        if not (CODE.fullmatch(code) and device.verify_token(code)):
            raise BadInput("That is not the code of now. Is the clock of the other device right?", field="code")
        codes = _new_codes(by.user)
        people.end_other_sessions(by.user, keep_session)
        audit.record(by=by, action="person.second_factor_enrolled", sentence="set up a second factor")
    return codes


def check(*, by, code):
    """APP or RECOVERY when `code` is the person's and was not used before; "" when not. A code is spent by this."""
    device, code = device_of(by.user), code.strip()
    if device is None:
        return ""
    if CODE.fullmatch(code):
        return APP if django_otp.verify_token(by.user, device.persistent_id, code) else ""
    with transaction.atomic():
        unused = RecoveryCode.objects.filter(user=by.user, digest=_digest(code), used_at=None)
        if not unused.update(used_at=timezone.now()):
            return ""
        left = codes_left(by.user)
        audit.record(
            by=by, action="person.recovery_code_used", sentence=f"used a recovery code; {left} are left",
            details={"left": left},
        )  # fmt: skip
    return RECOVERY


def waits(user):
    """Seconds until the next code is looked at, after wrong ones; 0 when it is at once."""
    device = device_of(user)
    allowed, why = device.verify_is_allowed() if device else (True, None)
    return 0 if allowed else max(1, round((why["locked_until"] - timezone.now()).total_seconds()))


def renew_codes(*, by):
    """Other recovery codes instead of those that are left; they leave here once."""
    with transaction.atomic():
        if device_of(by.user) is None:
            raise Conflict("There is no second factor.", remedy="Set one up first.")
        codes = _new_codes(by.user)
        audit.record(by=by, action="person.recovery_codes_renewed", sentence="made new recovery codes")
    return codes


def remove(*, by, user, keep_session=None):
    """This person signs in with the password alone from now on: their own wish, or a reset by who manages people."""
    if user == by.user:
        _remove(by, user, "removed", "removed their second factor", keep_session)
    else:
        people.require_manager(by, user)
        _remove(by, user, "reset", f"removed the second factor of {user.get_username()}")


def remove_as_root(*, user):
    """The same, where nobody is left who could do it on a page: for `manage.py remove_second_factor` alone."""
    _remove(audit.Caller(), user, "reset", f"removed the second factor of {user.get_username()}")


def _remove(by, user, verb, sentence, keep_session=None):
    with transaction.atomic():
        if not TOTPDevice.objects.filter(user=user).delete()[0]:
            raise Conflict(f"{user.get_username()} has no second factor.")
        RecoveryCode.objects.filter(user=user).delete()
        people.end_other_sessions(user, keep_session)
        audit.record(
            by=by, action=f"person.second_factor_{verb}", sentence=sentence, details={"person": user.get_username()}
        )


def _new_codes(user):
    codes = ["".join(secrets.choice(ALPHABET) for _ in range(LENGTH)) for _ in range(CODES)]
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, digest=_digest(code)) for code in codes)
    return ["-".join(code[at : at + GROUP] for at in range(0, LENGTH, GROUP)) for code in codes]


def _digest(code):
    """Of the code as it may be typed: with or without hyphens, spaces and capitals."""
    return hashlib.sha256(re.sub(r"[\s-]", "", code).lower().encode()).hexdigest()
