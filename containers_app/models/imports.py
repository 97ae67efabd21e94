"""Upload, ImportReview, ImportPolicy: how an archive from elsewhere comes in, what was found in it, who let it.

An archive that was refused outright has a review and no checkpoint: nothing of it is kept but what was found.
"""

from django.conf import settings
from django.db import models


class Upload(models.Model):
    """An archive on its way from a browser into the spool, in pieces; `key` is the name of its file there."""

    class State(models.TextChoices):
        RECEIVING = "receiving", "coming in"
        RECEIVED = "received", "here"
        TAKEN = "taken", "handed to the agent"

    key = models.UUIDField(unique=True)
    state = models.CharField(max_length=16, choices=State.choices, default=State.RECEIVING)
    file_name = models.CharField(max_length=255)
    size = models.BigIntegerField(help_text="Bytes that were announced.")
    received = models.BigIntegerField(default=0, help_text="Bytes that are in the spool, from the first on.")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="uploads")
    begun_at = models.DateTimeField()
    touched_at = models.DateTimeField(help_text="When bytes last came; an upload that rests is cleared.")

    class Meta:
        ordering = ["-begun_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(received__gte=0, received__lte=models.F("size")), name="upload_within_its_size"
            ),
        ]
        indexes = [models.Index(fields=["touched_at"], name="upload_by_time")]

    def __str__(self):
        return self.file_name


class ImportPolicy(models.Model):
    """What an archive from elsewhere may be without anybody's approval. One row, made when it is first asked for."""

    always_ask = models.BooleanField(default=True, help_text="Every archive from elsewhere needs an approval.")
    four_eyes = models.BooleanField(default=True, help_text="Who brought an archive in may not approve it.")
    capabilities = models.JSONField(default=list, help_text="Beyond those that Podman gives every container.")
    bind_sources = models.JSONField(default=list, help_text="Folders of the host that may be mounted, with all below.")
    host_namespaces = models.JSONField(default=list, help_text="network, pid, ipc or uts, shared with the host.")
    registries = models.JSONField(default=list, help_text="Images may be named from these; empty: from anywhere.")
    unconfined = models.BooleanField(default=False, help_text="Without a seccomp filter or masked paths.")
    changed_at = models.DateTimeField(null=True)
    changed_by_name = models.CharField(max_length=150, blank=True)

    def __str__(self):
        return "import policy"


class ImportReview(models.Model):
    """What one import found, and what came of it. `digest` and `size` are of the file as it came."""

    class Verdict(models.TextChoices):
        WITHIN = "within", "within the policy"
        LOOK = "look", "to be looked at only"
        AWAITING = "awaiting", "awaiting approval"
        APPROVED = "approved", "approved"
        REFUSED = "refused", "refused by a person"
        BLOCKED = "blocked", "refused: nobody may approve it"

    operation = models.OneToOneField("Operation", models.PROTECT, related_name="review")
    checkpoint = models.OneToOneField("Checkpoint", models.PROTECT, null=True, related_name="import_review")
    verdict = models.CharField(max_length=16, choices=Verdict.choices)
    file_name = models.CharField(max_length=4096)
    size = models.BigIntegerField()
    digest = models.CharField(max_length=64, blank=True)
    privileges = models.JSONField(default=list, help_text="runtime.privileges.read's rows.")
    findings = models.JSONField(default=list, help_text="runtime.review.Finding as JSON, the worst first.")
    policy = models.JSONField(default=dict, help_text="The policy that it was compared with.")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    decided_by_name = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["verdict", "-id"], name="review_by_verdict")]

    def __str__(self):
        return f"{self.file_name}: {self.verdict}"
