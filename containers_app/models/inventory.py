"""Host, Image, Container: what Podman last said of itself. Only `services/inventory.py` writes these rows.

Rows stay after the thing is gone (`removed_at`), because checkpoints, operations and the audit history point to them.
"""

from datetime import timedelta

from django.db import models
from django.utils import timezone

from .people import default_team

AWAY_AFTER = timedelta(seconds=30)  # three missed heartbeats of ten seconds


class Host(models.Model):
    """A machine whose agent runs Podman. `facts` and `readiness` are what the agent last measured there."""

    name = models.CharField(max_length=63, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    watcher_seen_at = models.DateTimeField(null=True)
    worker_seen_at = models.DateTimeField(null=True)
    listed_at = models.DateTimeField(null=True, help_text="When the inventory was last read in full.")
    facts = models.JSONField(default=dict, help_text="runtime.types.HostFacts as JSON.")
    readiness = models.JSONField(default=list, help_text="runtime.types.Check as JSON, in the order of the checklist.")

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name

    @property
    def away(self):
        """True when the watcher or the worker has not been heard of for AWAY_AFTER."""
        oldest = timezone.now() - AWAY_AFTER
        return not (
            self.watcher_seen_at and self.worker_seen_at and min(self.watcher_seen_at, self.worker_seen_at) > oldest
        )

    @property
    def ready(self):
        """True when the host can checkpoint and restore: present, and no check of the list blocks."""
        return not self.away and bool(self.readiness) and not any(check["level"] == "block" for check in self.readiness)

    @property
    def queue(self):
        return f"host.{self.name}"


class SelfTest(models.Model):
    """One proof, or its failure, that a host can checkpoint and restore; `versions` are what it was of. Times in µs."""

    host = models.ForeignKey(Host, models.PROTECT, related_name="selftests")
    operation = models.OneToOneField("Operation", models.PROTECT, related_name="selftest")
    finished_at = models.DateTimeField()
    passed = models.BooleanField()
    step = models.CharField(max_length=64, blank=True, help_text="The phase that failed.")
    versions = models.JSONField(default=dict)
    checkpoint_us = models.BigIntegerField(default=0)
    frozen_us = models.BigIntegerField(default=0)
    restore_us = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["-finished_at", "-pk"]
        indexes = [models.Index(fields=["host", "-finished_at"], name="selftest_of_host")]

    def __str__(self):
        return f"{self.host}: {'passed' if self.passed else self.step}"


class Image(models.Model):
    """An image in one host's storage. An image is known by its ID there; names come and go."""

    host = models.ForeignKey(Host, models.PROTECT, related_name="images")
    image_id = models.CharField(max_length=64)
    names = models.JSONField(default=list)
    digest = models.CharField(max_length=80, blank=True)
    size_bytes = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(null=True)
    checkpoint = models.JSONField(default=dict, help_text="Its io.podman.annotations.checkpoint.*, if it is one.")
    removed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["host", "image_id"]
        constraints = [models.UniqueConstraint(fields=["host", "image_id"], name="image_once_per_host")]

    def __str__(self):
        return self.names[0] if self.names else self.image_id[:12]


class Container(models.Model):
    """A container of one host, mirrored from Podman. `state` is Podman's own word.

    A restore from an archive without a new name brings the same container ID back: that is the same row again.
    """

    host = models.ForeignKey(Host, models.PROTECT, related_name="containers")
    team = models.ForeignKey("Team", models.PROTECT, default=default_team, related_name="containers")
    made_for = models.ForeignKey(
        "Team", models.PROTECT, null=True, related_name="+", help_text="Who had it made: that wins over the rules."
    )
    container_id = models.CharField(max_length=64)
    name = models.CharField(max_length=255)
    image_id = models.CharField(max_length=64, blank=True)
    image_name = models.CharField(max_length=512, blank=True)
    state = models.CharField(max_length=32)
    pid = models.IntegerField(default=0)
    exit_code = models.IntegerField(default=0)
    created_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    checkpointed_at = models.DateTimeField(null=True, help_text="Podman's dump that an in-place restore would use.")
    restored_at = models.DateTimeField(null=True)
    ports = models.JSONField(default=list)
    command = models.JSONField(default=list)
    oci_runtime = models.CharField(max_length=64, blank=True)
    config = models.JSONField(default=dict, help_text="runtime.types.ContainerFacts.config as JSON.")
    mount_point = models.CharField(max_length=4096, blank=True, help_text="Where its file system is mounted now.")
    came_from = models.ForeignKey(
        "Checkpoint", models.PROTECT, null=True, related_name="offspring",
        help_text="Another container's checkpoint that it first came to be from: its place in the lineage.",
    )  # fmt: skip
    restored_from = models.ForeignKey("Checkpoint", models.PROTECT, null=True, related_name="restored_containers")
    seen_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint(fields=["host", "container_id"], name="container_once_per_host")]
        indexes = [models.Index(fields=["host", "removed_at", "name"], name="container_present")]

    def __str__(self):
        return self.name

    @property
    def short_id(self):
        return self.container_id[:12]

    @property
    def running(self):
        return self.state == "running" and self.removed_at is None

    @property
    def checkpointed(self):
        """True when the container stands still with a dump that Podman can restore in place."""
        return self.checkpointed_at is not None and self.state in {"exited", "stopped"} and self.removed_at is None
