"""Token and ServiceAccount: what programs sign in with. The token itself is nowhere here, only its SHA-256.

A token's text has 256 random bits, so a plain digest is enough: there is nothing to guess. Rows stay after revocation:
operations and the history name them.
"""

from django.conf import settings
from django.db import models
from django.utils import timezone

NAME_LENGTH = 26  # "token " and the name fill AuditEvent.authenticated


class ServiceAccount(models.Model):
    """Marks a person's account as a program's: it has a role as people have, but no password, only tokens."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.PROTECT, related_name="service_account")
    purpose = models.CharField(max_length=200, help_text="What it is there for, in a person's words.")
    created_at = models.DateTimeField()
    created_by_name = models.CharField(max_length=150)

    class Meta:
        ordering = ["user__username"]

    def __str__(self):
        return self.user.get_username()


class Token(models.Model):
    """A key to the API in one person's name, for some of that person's rights and until a day."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="tokens")
    name = models.CharField(max_length=NAME_LENGTH)
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the token, in hex.")
    hint = models.CharField(max_length=12, help_text="How the token begins, to know it again.")
    scopes = models.JSONField(default=list, help_text="Names of access.RIGHTS.")
    created_at = models.DateTimeField()
    created_by_name = models.CharField(max_length=150)
    request_key = models.UUIDField(null=True, unique=True, help_text="From the form: the same press makes one token.")
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, help_text="Written once a minute at the most.")
    last_used_from = models.GenericIPAddressField(null=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_by_name = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["user", "-created_at"], name="token_of_person")]

    def __str__(self):
        return self.name

    @property
    def why_not(self):
        """Why it opens nothing any more, in one word; "" while it does."""
        if self.revoked_at:
            return "revoked"
        if self.expires_at <= timezone.now():
            return "expired"
        return "" if self.user.is_active else "inactive"

    @property
    def person(self):
        """The person it stands for, with no more rights than its scopes: `access.may` asks for both."""
        self.user.scope = frozenset() if self.why_not else frozenset(self.scopes)
        return self.user
