"""Events become a chain: each has its place, the digest of the one before and its own. Those that exist are chained."""

from datetime import UTC, datetime

from django.db import migrations, models

from containers_app.migrations import _append_only
from containers_app.runtime import chain

TABLE = "containers_app_auditevent"


def release(apps, schema_editor):
    _append_only.release(schema_editor, TABLE)


def seal_by(key):
    return lambda apps, schema_editor: _append_only.seal(schema_editor, TABLE, key=key)


def chain_events(apps, schema_editor):
    """Number the events without gaps, in the order they were written, and link each to the one before."""
    events = apps.get_model("containers_app", "AuditEvent").objects.using(schema_editor.connection.alias)
    tip = chain.ZERO
    for number, old in enumerate(list(events.order_by("pk").values_list("pk", flat=True)), 1):
        values = {**events.values().get(pk=old), "sequence": number, "previous": tip}
        tip = chain.digest({name: as_written(value) for name, value in values.items() if value is not None})
        events.filter(pk=old).update(sequence=number, previous=values["previous"], digest=tip)


def as_written(value):
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return value


def text(name, length, **options):
    return migrations.AddField("auditevent", name, models.CharField(max_length=length, **options))


class Migration(migrations.Migration):
    dependencies = [("containers_app", "0002_audit_append_only")]
    operations = [
        migrations.RunPython(release, seal_by("id")),
        migrations.RenameField("auditevent", "id", "sequence"),
        migrations.AlterField(
            "auditevent",
            "sequence",
            models.PositiveBigIntegerField(primary_key=True, serialize=False, help_text="1, 2, 3 … without a gap"),
        ),
        migrations.AddField(
            "auditevent",
            "previous",
            models.CharField(
                default="", max_length=64, help_text="digest of the event before; zeros before the first"
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            "auditevent",
            "digest",
            models.CharField(
                default="", max_length=64, help_text="SHA-256 over `previous` and every other field (docs/audit.md)"
            ),
            preserve_default=False,
        ),
        text("actor_role", 16, blank=True),
        text("authenticated", 32, blank=True, help_text="How the actor had proved who it is."),
        text("image_name", 512, blank=True),
        migrations.AddField("auditevent", "before", models.JSONField(null=True, help_text="What changed, as it was.")),
        migrations.AddField("auditevent", "after", models.JSONField(null=True, help_text="What changed, as it is.")),
        migrations.RunPython(chain_events, migrations.RunPython.noop),
        migrations.RunPython(seal_by("sequence"), release),
    ]
