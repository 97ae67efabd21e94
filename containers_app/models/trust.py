"""Drill and Schedule: the proof that a checkpoint restores, and what happens by itself.

Only `services/drills.py` writes drills, only `services/policies.py` schedules.
"""

from django.db import models


class Drill(models.Model):
    """One proof, or its failure, that a checkpoint restores: as a container of its own, which was removed again.

    Times in µs. `ready_us` is from the first byte read of the archive until it was ready; `cold_us` from the start of a
    fresh container of the same image until the same check passed.
    """

    checkpoint = models.ForeignKey("Checkpoint", models.PROTECT, related_name="drills")
    operation = models.OneToOneField("Operation", models.PROTECT, related_name="drill")
    host = models.ForeignKey("Host", models.PROTECT, related_name="drills")
    finished_at = models.DateTimeField()
    passed = models.BooleanField()
    step = models.CharField(max_length=64, blank=True, help_text="The phase that failed.")
    reason = models.TextField(blank=True, help_text="Why it failed, in words.")
    ready_when = models.JSONField(default=dict, help_text="The check of then: runtime.probes.Probe as JSON.")
    unpack_us = models.BigIntegerField(default=0)
    restore_us = models.BigIntegerField(default=0)
    ready_us = models.BigIntegerField(default=0)
    cold_us = models.BigIntegerField(null=True)
    cold_reason = models.TextField(blank=True, help_text="Why the cold start was not measured.")
    versions = models.JSONField(default=dict)

    class Meta:
        ordering = ["-finished_at", "-pk"]
        indexes = [models.Index(fields=["checkpoint", "-finished_at"], name="drill_of_checkpoint")]

    def __str__(self):
        return f"{self.checkpoint}: {'passed' if self.passed else self.step}"


class Schedule(models.Model):
    """What happens by itself on every host, and how often."""

    class Work(models.TextChoices):
        SCRUB = "scrub", "Read archives again"
        DRILL = "drill", "Drills"

    work = models.CharField(max_length=16, choices=Work.choices, primary_key=True)
    enabled = models.BooleanField()
    every_hours = models.PositiveIntegerField()
    values = models.JSONField(default=dict, help_text="What else belongs to it: services/policies.py.")

    class Meta:
        ordering = ["-work"]

    def __str__(self):
        return self.get_work_display()
