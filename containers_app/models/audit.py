"""AuditEvent: who did what, with which result; AuditHead: the history so far, signed. Never updated.

Events are written by `services/audit.py` alone, all else by `services/evidence.py`. Events leave the database only when
an AuditSeal says that they were exported (migrations/_append_only.py).
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

    def take_out(self):
        """Delete these rows, which were sealed: the database lets no other row go."""
        self._raw_delete(self.db)

    take_out.queryset_only = True


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
        API = "api", "API"
        SCHEDULE = "schedule", "schedule"

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
    # Without a constraint: the number stays when the team is gone, as the digest wants it.
    team = models.ForeignKey(
        "Team", models.DO_NOTHING, null=True, related_name="+", db_index=False, db_constraint=False,
        help_text="Whose it was then; null: the house's, such as a host's.",
    )  # fmt: skip

    class Meta:
        ordering = ["-pk"]
        # A filter and the newest first: what the history's page asks for, at a million events as well.
        indexes = [
            models.Index(fields=["action", "sequence"], name="event_by_action"),
            models.Index(fields=["actor_name", "sequence"], name="event_by_actor"),
            models.Index(fields=["result", "sequence"], name="event_by_result"),
            models.Index(fields=["host_name", "sequence"], name="event_by_host"),
            models.Index(fields=["image_name", "sequence"], name="event_by_image"),
            models.Index(fields=["at"], name="event_by_time"),
            models.Index(fields=["team", "sequence"], name="event_by_team"),
        ]

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


class AuditSeal(AppendOnly):
    """The events up to this one were exported, the export was verified, and they were taken out of the database."""

    sequence = models.PositiveBigIntegerField(unique=True)
    digest = models.CharField(max_length=64, help_text="of the event with that sequence: what the next one follows")
    events_sha256 = models.CharField(max_length=64, help_text="SHA-256 of the export's events.jsonl")
    at = models.DateTimeField()
    key_id = models.CharField(max_length=16)
    signature = models.CharField(max_length=128, help_text="Ed25519, in hex")

    class Meta:
        ordering = ["-pk"]

    def __str__(self):
        return f"events up to {self.sequence}, sealed at {self.at:%Y-%m-%d %H:%M:%S}"


class AuditVerification(models.Model):
    """One verification of the whole history: asked for, or due by the schedule; and what it found."""

    asked_by_name = models.CharField(max_length=150, blank=True, help_text="Empty: the schedule.")
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    events = models.PositiveBigIntegerField(default=0, help_text="Good ones, from the first on.")
    covered = models.PositiveBigIntegerField(default=0, help_text="The last event that a signed head covers.")
    kind = models.CharField(max_length=16, blank=True, help_text="runtime.chain.Finding.kind; empty: it is whole")
    report = models.TextField(blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self):
        return f"{self.kind or 'whole'}: {self.events} events"


class AuditSink(models.Model):
    """One place that signed heads are sent to, and how far that has come."""

    name = models.CharField(max_length=200, unique=True, help_text="Its address, without what is secret in it.")
    sent = models.PositiveBigIntegerField(default=0, help_text="Primary key of the last head that it has.")
    sent_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True, help_text="Why the next head has not been taken; empty when all have.")

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name
