"""Checkpoint, Tag and what helps to find them: the shared catalog.

A row comes to be only for an archive that is complete, hashed and readable. It stays after the archive was discarded
(`discarded_at`), because operations, lineage and the audit history point to it.
"""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce

from .people import default_team

IN_CATALOG = Q(discarded_at=None)
# In an index beside what a list filters by: whether a person may see it, and what the totals add up. No row is read.
SEEN = ("id", "team", "discarded_at")
TOTALS = (*SEEN, "archive_bytes", "unpacked_bytes")


class Tag(models.Model):
    name = models.SlugField(max_length=50, unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name


class Mode(models.TextChoices):
    """What becomes of the container that is checkpointed."""

    STOP = "stop", "Stop"
    KEEP_RUNNING = "keep_running", "Keep running"
    COPY = "copy", "Consistent copy"


class Provenance(models.TextChoices):
    """Where a checkpoint comes from, and for one from elsewhere whether it may be restored."""

    TAKEN = "taken", "taken here"
    TRUSTED = "trusted", "brought back: this installation made it"
    WITHIN = "within", "imported, within the policy"
    AWAITING = "awaiting", "imported, awaiting approval"
    APPROVED = "approved", "imported, approved"
    REFUSED = "refused", "imported, refused"
    LOOK = "look", "imported, to be looked at"


class Flaw(models.TextChoices):
    """What a reading of an archive found wrong: a checkpoint with a flaw is neither restored nor handed on."""

    DAMAGED = "damaged", "damaged"
    MISSING = "missing", "missing"


class Checkpoint(models.Model):
    """One checkpoint archive in a store, with what was read from it and what was true on its host when it was taken.

    Names of container, image and person are copied: the catalog reads the same when they are gone.
    """

    name = models.CharField(max_length=120)
    note = models.TextField(blank=True)
    tags = models.ManyToManyField(Tag, blank=True, related_name="checkpoints")
    team = models.ForeignKey("Team", models.PROTECT, default=default_team, related_name="checkpoints")
    shared_with = models.ManyToManyField("Team", blank=True, related_name="shared_checkpoints")
    host = models.ForeignKey("Host", models.PROTECT, related_name="checkpoints")
    container = models.ForeignKey("Container", models.PROTECT, related_name="checkpoints")
    container_name = models.CharField(max_length=255)
    image_id = models.CharField(max_length=64)
    image_name = models.CharField(max_length=512, blank=True)
    operation = models.OneToOneField("Operation", models.PROTECT, related_name="taken_checkpoint")
    taken_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="checkpoints")
    taken_by_name = models.CharField(max_length=150)
    taken_at = models.DateTimeField()
    dumped_at = models.DateTimeField(null=True, help_text="Podman's CheckpointedAt; null when it was left running.")
    options = models.JSONField(default=dict, help_text="runtime.types.CheckpointOptions as JSON.")
    command = models.JSONField(default=list)
    mode = models.CharField(max_length=16, choices=Mode.choices, default=Mode.STOP)
    pause = models.BigIntegerField(null=True, help_text="µs from the dump's begin until it ran again; of a copy alone.")

    store = models.CharField(max_length=64, help_text="Which archive store holds it.")
    archive_sha256 = models.CharField(max_length=64)
    archive_bytes = models.BigIntegerField()
    unpacked_bytes = models.BigIntegerField()
    members = models.JSONField(default=list, help_text="[{name, size, sha256}] in archive order.")
    completed_paths = models.JSONField(default=list, help_text="Changed files that Podman's export had left out.")

    provenance = models.CharField(max_length=16, choices=Provenance.choices, default=Provenance.TAKEN)
    pinned = models.BooleanField(default=False, help_text="It cannot be discarded.")
    verified_at = models.DateTimeField(null=True, help_text="When its last drill passed; null: none, or it failed.")
    engine = models.CharField(max_length=16, default="podman", help_text="Which container engine wrote the archive.")
    discarded_at = models.DateTimeField(null=True, help_text="Its archive is gone; it is no longer in the catalog.")
    favourite_of = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="favourites")
    read_at = models.DateTimeField(null=True, help_text="When its archive was last read from end to end and was whole.")
    flaw = models.CharField(max_length=16, choices=Flaw.choices, blank=True)
    flaw_at = models.DateTimeField(null=True, help_text="When the flaw was found.")
    flaw_detail = models.TextField(blank=True, help_text="What was found, in words.")
    ready_when = models.JSONField(default=dict, help_text="runtime.probes.Probe as JSON; {}: its process is alive.")

    statistics = models.JSONField(default=dict, help_text="CRIU's names; times in µs.")
    frozen_time = models.GeneratedField(
        expression=Coalesce(Cast(KT("statistics__frozen_time"), models.BigIntegerField()), 0),
        output_field=models.BigIntegerField(), db_persist=True,
    )  # fmt: skip
    facts = models.JSONField(default=dict, help_text="Host and archive facts that a later restore needs.")

    class Meta:
        ordering = ["-taken_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["store", "archive_sha256"], condition=IN_CATALOG, name="archive_once_per_store"
            ),
            models.CheckConstraint(condition=models.Q(archive_bytes__gt=0), name="archive_not_empty"),
        ]
        # Fast at 100,000 (catalog.py): every order, and every filter with its order and its totals, has an index.
        indexes = [
            models.Index(fields=["container", "-taken_at"], name="checkpoint_of_container"),
            models.Index(
                fields=[
                    "taken_at", *TOTALS, "host", "container", "engine", "pinned", "verified_at", "provenance", "flaw",
                ],
                condition=IN_CATALOG, name="catalog_by_time",
            ),
            models.Index(fields=["name", *SEEN], condition=IN_CATALOG, name="catalog_by_name"),
            models.Index(
                fields=["archive_bytes", "taken_at", *SEEN, "unpacked_bytes"],
                condition=IN_CATALOG, name="catalog_by_size",
            ),
            models.Index(fields=["frozen_time", *SEEN], condition=IN_CATALOG, name="catalog_by_frozen_time"),
            models.Index(fields=["host", "taken_at", *TOTALS], condition=IN_CATALOG, name="catalog_by_host"),
            models.Index(
                fields=["team", "taken_at", "id", "discarded_at", "archive_bytes", "unpacked_bytes"],
                condition=IN_CATALOG, name="catalog_by_team",
            ),
            models.Index(
                fields=["container_name", "taken_at", *TOTALS], condition=IN_CATALOG, name="catalog_by_container"
            ),
            models.Index(fields=["image_name", "taken_at", *TOTALS], condition=IN_CATALOG, name="catalog_by_image"),
            models.Index(fields=["taken_by_name", "taken_at", *TOTALS], condition=IN_CATALOG, name="catalog_by_person"),
        ]  # fmt: skip

    def __str__(self):
        return self.name

    @property
    def imported(self):
        """True when it came from elsewhere: its container never was one of ours."""
        return self.provenance not in {Provenance.TAKEN, Provenance.TRUSTED}

    @property
    def barred(self):
        """Why it may not be restored, drilled or handed on; "" when nothing of its review is in the way."""
        return {
            Provenance.AWAITING: f"{self.name} came from elsewhere and awaits an approval.",
            Provenance.REFUSED: f"{self.name} came from elsewhere and was refused.",
            Provenance.LOOK: f"{self.name} was made by {self.engine}, not Podman: it can be looked at only.",
        }.get(self.provenance, "")


class SearchText(models.Model):
    """The words that a checkpoint is found by; an index of them is kept by the database (migrations/_words.py)."""

    checkpoint = models.OneToOneField(Checkpoint, models.CASCADE, primary_key=True, related_name="search_text")
    said = models.TextField(help_text="Names, note, tags, image, host and person: what people say of it.")
    seen = models.TextField(blank=True, help_text="Words of its processes' names and command lines.")

    def __str__(self):
        return f"words of {self.checkpoint_id}"


class SavedSearch(models.Model):
    """A person's own search of the catalog, as it stands in the address."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_searches")
    name = models.CharField(max_length=80)
    query = models.CharField(max_length=2000, help_text="The address's part after the question mark.")

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="search_once_per_person")]

    def __str__(self):
        return self.name


class KeptImage(models.Model):
    """An image that checkpoints were made from, kept in an archive store: a host that lacks it loads it from there."""

    store = models.CharField(max_length=64, help_text="Which archive store holds it.")
    image_id = models.CharField(max_length=64)
    image_name = models.CharField(max_length=512, blank=True)
    sha256 = models.CharField(max_length=64, help_text="Of the compressed file, which has that name.")
    stored_bytes = models.BigIntegerField()
    unpacked_bytes = models.BigIntegerField()
    kept_at = models.DateTimeField()

    class Meta:
        ordering = ["-kept_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["store", "image_id"], name="image_once_per_store")]

    def __str__(self):
        return self.image_name or self.image_id[:12]
