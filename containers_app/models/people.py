"""Role, Team, Membership, TeamRule: who may do what, and which team owns what. SignIn: who is signed in.
RecoveryCode: how who has lost their second factor gets in once.

Accounts are Django's own users, second factors django-otp's devices.

Rights are names of `access.RIGHTS`. Only `services/people.py` and `services/teams.py` write these rows.
"""

from django.conf import settings
from django.db import models
from django.db.models import Q


class Role(models.Model):
    """A set of rights with a name. The built-in ones stay as they are; their copies are edited."""

    name = models.CharField(max_length=16, unique=True)
    purpose = models.CharField(max_length=120, blank=True)
    rights = models.JSONField(default=list, help_text="Names of access.RIGHTS, sorted.")
    built_in = models.BooleanField(default=False)

    class Meta:
        ordering = ["-built_in", "pk"]

    def __str__(self):
        return self.name


class Team(models.Model):
    """Whoever owns containers and checkpoints. The default team owns what no rule gives to another one."""

    name = models.CharField(max_length=40, unique=True)
    is_default = models.BooleanField(default=False)
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, through="Membership", related_name="teams")

    class Meta:
        ordering = ["-is_default", "name"]
        constraints = [
            models.UniqueConstraint(fields=["is_default"], condition=Q(is_default=True), name="one_default_team")
        ]

    def __str__(self):
        return self.name


def default_team():
    """Primary key of the team that owns what no rule gives to another one."""
    return Team.objects.filter(is_default=True).values_list("pk", flat=True).get()


class Membership(models.Model):
    """A person's role in a team: one at the most."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    team = models.ForeignKey(Team, models.CASCADE, related_name="memberships")
    role = models.ForeignKey(Role, models.PROTECT, related_name="memberships")

    class Meta:
        ordering = ["team", "user__username"]
        constraints = [models.UniqueConstraint(fields=["user", "team"], name="one_role_per_team")]

    def __str__(self):
        return f"{self.user} is {self.role} of {self.team}"


class TeamRule(models.Model):
    """The team owns what is on this host (any when null) and has this label (any when empty). The first that fits."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="rules")
    host = models.ForeignKey("Host", models.CASCADE, null=True, blank=True, related_name="+")
    label = models.CharField(max_length=255, blank=True, help_text="A label's name, as Podman has it.")
    value = models.CharField(max_length=255, blank=True, help_text="The label's value; empty: any.")

    class Meta:
        ordering = ["pk"]

    def __str__(self):
        label = f"{self.label}={self.value}" if self.value else self.label
        where = f"on {self.host}" if self.host_id else "on any host"
        return f"{label} {where}" if label else f"everything {where}"

    def fits(self, host_id, labels):
        """True when a container with these labels on that host falls under this rule."""
        if self.host_id and self.host_id != host_id:
            return False
        return not self.label or (self.label in labels and self.value in {"", labels[self.label]})


class SignIn(models.Model):
    """One session that is signed in: what its owner is shown of it, so as to end it. Gone with the session."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="sign_ins")
    session_key = models.CharField(max_length=40, unique=True)
    address = models.GenericIPAddressField(null=True)
    device = models.CharField(max_length=200, blank=True, help_text="The browser's own name, as it was sent.")
    at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["-seen_at", "-pk"]

    def __str__(self):
        return f"{self.user} from {self.address or 'here'}"


class RecoveryCode(models.Model):
    """Stands for a code of the second factor, once. The code itself, of 128 random bits, is nowhere: its SHA-256 is."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64, unique=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self):
        return f"a recovery code of {self.user}"
