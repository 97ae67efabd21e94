"""What was seen inside checkpoints, and what was looked for there: Inspection, SeenEnvironment, MemorySearch,
MemoryComparison. Apart from Checkpoint, so that lists stay light and what is secret has a table of its own.
"""

from django.db import models

from .catalog import Checkpoint


class Inspection(models.Model):
    """What was seen inside a checkpoint while its archive went by."""

    checkpoint = models.OneToOneField(Checkpoint, models.CASCADE, related_name="inspection")
    facts = models.JSONField(help_text="runtime.inspection.inspect's own form.")

    def __str__(self):
        return f"inside of {self.checkpoint_id}"


class SeenEnvironment(models.Model):
    """The values of the environment variables that an Inspection names: secret, read by services/secrets.py alone."""

    checkpoint = models.OneToOneField(Checkpoint, models.CASCADE, related_name="seen_environment")
    values = models.JSONField(help_text="{process ID, or `config`: [[name, value]]}")

    def __str__(self):
        return f"environment in {self.checkpoint_id}"


class MemorySearch(models.Model):
    """What was found in a checkpoint's memory. The hits are memory, so they are wiped a day later; the count stays."""

    operation = models.OneToOneField("Operation", models.PROTECT, related_name="memory_search")
    checkpoint = models.ForeignKey(Checkpoint, models.CASCADE, related_name="memory_searches")
    finished_at = models.DateTimeField(db_index=True)
    searched_bytes = models.BigIntegerField(default=0)
    found = models.PositiveIntegerField(default=0)
    whole = models.BooleanField(default=True, help_text="False when it ended at a limit of time or hits.")
    hits = models.JSONField(null=True, help_text="runtime.memory.Hit as JSON, in order; null once they were wiped.")

    class Meta:
        ordering = ["-pk"]

    def __str__(self):
        return f"{self.found} found in {self.checkpoint_id}"


class MemoryComparison(models.Model):
    """How many pages of memory two checkpoints share, process by process. Archives never change, so it holds."""

    operation = models.OneToOneField("Operation", models.PROTECT, related_name="memory_comparison")
    first = models.ForeignKey(Checkpoint, models.CASCADE, related_name="compared_as_first")
    second = models.ForeignKey(Checkpoint, models.CASCADE, related_name="compared_as_second")
    processes = models.JSONField(help_text="[{pid, same, changed, added, gone}] in pages")

    class Meta:
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["first", "second"], name="compared_once")]

    def __str__(self):
        return f"{self.first_id} and {self.second_id}"
