"""Everybody who is there becomes a member of the default team, with the rights they had; operations get their team.

Apart from the tables' own migration: PostgreSQL alters no table that has rows of the same transaction to check.
"""

from django.conf import settings
from django.db import migrations
from django.db.models import OuterRef, Subquery


def join(apps, schema_editor):
    Membership, Role, Team = (apps.get_model("containers_app", name) for name in ("Membership", "Role", "Team"))
    team, roles = Team.objects.get(is_default=True), {role.name: role for role in Role.objects.all()}
    for user in apps.get_model(settings.AUTH_USER_MODEL).objects.all():
        operates = user.groups.filter(name="operators").exists()
        name = "admin" if user.is_superuser else "operator" if operates else "viewer"
        Membership.objects.create(user=user, team=team, role=roles[name])


def give_operations_their_team(apps, schema_editor):
    Operation = apps.get_model("containers_app", "Operation")
    for kind in ("Container", "Checkpoint"):
        rows = apps.get_model("containers_app", kind).objects.filter(pk=OuterRef(f"{kind.lower()}_id")).values("team")
        unknown = Operation.objects.filter(team=None).exclude(**{f"{kind.lower()}_id": None})
        unknown.update(team=Subquery(rows))
    made = Operation.objects.filter(team=None, kind__in=("sample", "create", "restore", "restore_image", "prune"))
    made.update(team=apps.get_model("containers_app", "Team").objects.get(is_default=True))


class Migration(migrations.Migration):
    dependencies = [("containers_app", "0015_people"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.RunPython(join, migrations.RunPython.noop),
        migrations.RunPython(give_operations_their_team, migrations.RunPython.noop),
    ]
