"""Passwords that are long enough and easy all the same: common ones put together, and words of this place.

A validator of Django's kind. Its list of common passwords has nearly none of twelve characters, so what people make of
shorter ones counts as well.
"""

import re

from django.conf import settings
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError

# Words that somebody who attacks this very installation tries first (docs/security.md shows them), beside its host's.
WORDS = ("freezeframe", "checkpoint", "container", "podman", "restore", "looper", "criu", "redis", "celery", "admin")
OWN = 8  # characters that a password has at least beside those words
DECORATION = re.compile(r"^[\W\d_]+|[\W\d_]+$")


class EasyPasswordValidator:
    """Refuses a common password with decoration, two in a row, and what is little more than words of this place."""

    def __init__(self):
        self._common = CommonPasswordValidator().passwords

    def validate(self, password, user=None):
        text = password.lower().strip()
        if self._is_common(text):
            raise ValidationError("This is made of passwords that many people use.", code="password_too_common")
        rest = re.sub("|".join(map(re.escape, [*WORDS, settings.HOST_NAME])), "", text)
        if rest != text and len(rest) < OWN:
            raise ValidationError("This is little more than words of this place.", code="password_of_this_place")

    def get_help_text(self):
        return "Your password can’t be made of common ones, or of words of this place."

    def _is_common(self, text):
        pairs = ((text[:at], text[at:]) for at in range(1, len(text)))
        return self._known(text) or any(self._known(one) and self._known(other) for one, other in pairs)

    def _known(self, text):
        return text in self._common or DECORATION.sub("", text) in self._common
