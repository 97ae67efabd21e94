"""Operation: everything slow or dangerous, from request to outcome. The state machine is `services/operations.py`."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class Operation(models.Model):
    """One request to one host's agent. Its states never collide with Podman's container states."""

    class Kind(models.TextChoices):
        SAMPLE = "sample", "Run the sample"
        CREATE = "create", "Create"
        START = "start", "Start"
        CHECKPOINT = "checkpoint", "Checkpoint"
        RESTORE = "restore", "Restore"
        STOP = "stop", "Stop"
        RESTART = "restart", "Restart"
        PAUSE = "pause", "Pause"
        UNPAUSE = "unpause", "Unpause"
        KILL = "kill", "Kill"
        REMOVE = "remove", "Remove"
        CHECKPOINT_IMAGE = "checkpoint_image", "Checkpoint into an image"
        RESTORE_IMAGE = "restore_image", "Restore from an image"
        INIT = "init", "Initialize"
        MOUNT = "mount", "Mount"
        UNMOUNT = "unmount", "Unmount"
        RENAME = "rename", "Rename"
        EXEC = "exec", "Exec"
        PRUNE = "prune", "Prune"
        SELFTEST = "selftest", "Self-test of"
        CRIU_CONFIG = "criu_config", "CRIU’s switches of"
        PULL = "pull", "Pull"
        COMMIT = "commit", "Commit"
        IMAGE_REMOVE = "image_remove", "Remove image"
        IMAGE_PRUNE = "image_prune", "Prune images of"
        IMPORT = "import", "Import"
        DISCARD = "discard", "Discard"
        KEEP_IMAGE = "keep_image", "Keep the image"
        SCRUB = "scrub", "Read the archive of"
        DRILL = "drill", "Drill"
        PUSH = "push", "Push"
        MEMORY_SEARCH = "memory_search", "Search the memory of"
        MEMORY_COMPARE = "memory_compare", "Compare the memory of"

    class State(models.TextChoices):
        QUEUED = "queued", "queued"
        STARTED = "started", "started"
        SUCCEEDED = "succeeded", "succeeded"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"
        LOST = "lost", "lost"

    UNFINISHED = (State.QUEUED, State.STARTED)
    NAMED_OTHERWISE = (Kind.RENAME, Kind.SELFTEST, Kind.DRILL, Kind.SCRUB)  # not by their `target_name`
    STOPPABLE = (Kind.MEMORY_SEARCH, Kind.MEMORY_COMPARE)  # may be cancelled while they run: they change nothing

    kind = models.CharField(max_length=16, choices=Kind.choices)
    state = models.CharField(max_length=16, choices=State.choices, default=State.QUEUED)
    team = models.ForeignKey(
        "Team", models.PROTECT, null=True, related_name="operations", help_text="Whose it is; null: the house's."
    )
    host = models.ForeignKey("Host", models.PROTECT, related_name="operations")
    container = models.ForeignKey("Container", models.PROTECT, null=True, related_name="operations")
    checkpoint = models.ForeignKey("Checkpoint", models.PROTECT, null=True, related_name="operations")
    target_name = models.CharField(
        max_length=255, blank=True, help_text="Name of the container, or image, that will come to be."
    )
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="operations")
    requested_at = models.DateTimeField()
    request_key = models.UUIDField(
        null=True, unique=True, help_text="From the form: the same press twice is one request."
    )
    batch = models.UUIDField(null=True, db_index=True, help_text="The request_key of the press that asked for many.")
    request_id = models.CharField(max_length=36, blank=True)
    address = models.GenericIPAddressField(null=True)
    token = models.ForeignKey(
        "Token", models.PROTECT, null=True, related_name="operations", help_text="By which a program asked."
    )
    options = models.JSONField(default=dict)

    lease_owner = models.CharField(max_length=64, blank=True)
    lease_expires_at = models.DateTimeField(null=True)
    fencing = models.PositiveIntegerField(
        default=0, help_text="Grows with each claim; a write with an old one is refused."
    )
    process = models.JSONField(default=dict, help_text="The command that runs now: {pid, started} (clock ticks).")

    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    cancel_asked_at = models.DateTimeField(null=True, help_text="Whoever performs it ends it at the next occasion.")
    phases = models.JSONField(default=list, help_text="[{name, at}] in order; `at` is ISO 8601 in UTC.")
    progress_bytes = models.BigIntegerField(default=0)
    expected_bytes = models.BigIntegerField(default=0)

    commands = models.JSONField(default=list, help_text="The exact argument lists that were run, in order.")
    output = models.TextField(blank=True)
    criu_log = models.TextField(blank=True)
    summary = models.TextField(blank=True, help_text="What happened, in one sentence.")
    cause = models.TextField(blank=True)
    remedy = models.TextField(blank=True)
    failure = models.CharField(max_length=64, blank=True, help_text="Id in runtime/explain.yaml, or an error code.")
    result = models.JSONField(default=dict)

    class Meta:
        ordering = ["-requested_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["container"],
                condition=Q(state__in=["queued", "started"]),
                name="one_unfinished_operation_per_container",
            ),
            models.UniqueConstraint(
                fields=["host", "target_name"],
                condition=Q(state__in=["queued", "started"]) & ~Q(target_name=""),
                name="one_unfinished_operation_per_new_name",
            ),
            models.UniqueConstraint(
                fields=["checkpoint"],
                condition=Q(state__in=["queued", "started"], kind="discard"),
                name="one_unfinished_discard_per_checkpoint",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "started"], finished_at=None)
                | (~Q(state__in=["queued", "started"]) & Q(finished_at__isnull=False)),
                name="finished_means_it_has_an_end",
            ),
            models.CheckConstraint(
                condition=~Q(state="started") | Q(started_at__isnull=False, lease_expires_at__isnull=False),
                name="started_means_it_has_a_lease",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "host"], name="operation_by_state"),
            models.Index(fields=["-requested_at"], name="operation_by_time"),
            models.Index(fields=["team", "-requested_at"], name="operation_of_team"),
            models.Index(fields=["requested_by", "finished_at"], name="operation_just_ended"),
        ]

    def __str__(self):
        return f"{self.get_kind_display()} {self.subject}".strip()

    @property
    def actor(self):
        """Who asked for it, with no more rights than the token that it came by has now; None: Freezeframe itself."""
        return self.token.person if self.token_id else self.requested_by

    @property
    def finished(self):
        return self.state not in self.UNFINISHED

    @property
    def subject(self):
        """The name people know the object by: the new name, the container's, the host's, or the checkpoint's."""
        if self.kind == self.Kind.KEEP_IMAGE:
            return self.options.get("name", "")
        if self.target_name and self.kind not in self.NAMED_OTHERWISE:
            return self.target_name
        if self.container_id:
            return self.container.name
        if self.kind in {self.Kind.PRUNE, self.Kind.IMAGE_PRUNE, self.Kind.SELFTEST, self.Kind.CRIU_CONFIG}:
            return self.host.name
        if self.kind == self.Kind.IMPORT:
            return self.options.get("file_name", "")
        if self.kind == self.Kind.SCRUB and not self.checkpoint_id:
            return f"all checkpoints on {self.host.name}"
        return self.checkpoint.name if self.checkpoint_id else ""

    @property
    def phase(self):
        return self.phases[-1]["name"] if self.phases else ""
