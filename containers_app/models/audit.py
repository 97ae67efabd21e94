"""AuditEvent: who did what, with which result; AuditHead: the history so far, signed. Never updated, never deleted.

Events are written by `services/audit.py` alone, heads by `services/evidence.py`.
"""

from django.conf import settings
from django.db import models


class AppendOnlyRows(models.QuerySet):
    """Reads and inserts only: the history has no way to change or lose a row through the ORM."""

    def update(self, **kwargs):
        raise TypeError("Audit events are never changed.")

    def bulk_update(self, *args, **kwargs):
        raise TypeError("Audit events are never changed.")

    def delete(self):
        raise TypeError("Audit events are never deleted.")

    delete.alters_data = True
    delete.queryset_only = True


class AppendOnly(models.Model):
    """Rows that are written once. The database refuses the rest too (migrations/_append_only.py)."""

    objects = AppendOnlyRows.as_manager()

    class Meta:
        abstract = True

    def save(self, *args, **kwargs):
        if not self._state.adding:
            raise TypeError("Audit events are never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args, **kwargs):
        raise TypeError("Audit events are never deleted.")


class AuditEvent(AppendOnly):
    """A past fact. Names of people and things are copied at the time, not joined later.

    Every field is part of the chain (runtime/chain.py) except where it is null: a field that is added later must be
    nullable, or the digests of the events before it no longer hold.
    """

    class Source(models.TextChoices):
        PAGE = "page", "page"
        AGENT = "agent", "agent"
        COMMAND = "command", "command"

    sequence = models.PositiveBigIntegerField(primary_key=True, help_text="1, 2, 3 … without a gap")
    previous = models.CharField(max_length=64, help_text="digest of the event before; zeros before the first")
    digest = models.CharField(max_length=64, help_text="SHA-256 over `previous` and every other field (docs/audit.md)")
    at = models.DateTimeField()
    action = models.CharField(max_length=64, help_text="noun.verb in the past: checkpoint.taken")
    result = models.CharField(max_length=16, help_text="done, requested, failed or refused")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    actor_name = models.CharField(max_length=150)
    actor_role = models.CharField(max_length=16, blank=True)
    authenticated = models.CharField(max_length=32, blank=True, help_text="How the actor had proved who it is.")
    source = models.CharField(max_length=16, choices=Source.choices)
    address = models.GenericIPAddressField(null=True)
    request_id = models.CharField(max_length=36, blank=True)
    host_name = models.CharField(max_length=63, blank=True)
    container = models.ForeignKey("Container", models.PROTECT, null=True, related_name="events")
    container_name = models.CharField(max_length=255, blank=True)
    checkpoint = models.ForeignKey("Checkpoint", models.PROTECT, null=True, related_name="events")
    checkpoint_name = models.CharField(max_length=120, blank=True)
    image_name = models.CharField(max_length=512, blank=True)
    operation = models.ForeignKey("Operation", models.PROTECT, null=True, related_name="events")
    commands = models.JSONField(default=list)
    sentence = models.TextField(help_text="What happened after the actor's name: 'checkpointed looper, stopping it'.")
    details = models.JSONField(default=dict)
    before = models.JSONField(null=True, help_text="What changed, as it was.")
    after = models.JSONField(null=True, help_text="What changed, as it is.")

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["action"], name="event_by_action")]

    def __str__(self):
        return f"{self.actor_name} {self.sentence}"


class AuditHead(AppendOnly):
    """At this moment the history ended with this event: a statement signed by a key that is not in the database."""

    sequence = models.PositiveBigIntegerField()
    digest = models.CharField(max_length=64)
    at = models.DateTimeField()
    key_id = models.CharField(max_length=16, help_text="First 16 hex digits of the public key's SHA-256.")
    signature = models.CharField(max_length=128, help_text="Ed25519, in hex")

    class Meta:
        ordering = ["-pk"]

    def __str__(self):
        return f"event {self.sequence}, signed at {self.at:%Y-%m-%d %H:%M:%S}"
