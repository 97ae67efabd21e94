"""The database refuses to change or delete an audit event, whoever asks and by whatever way."""

from django.db import migrations

from containers_app.migrations import _append_only

TABLE = "containers_app_auditevent"


def seal(apps, schema_editor):
    _append_only.seal(schema_editor, TABLE, key="id")


def release(apps, schema_editor):
    _append_only.release(schema_editor, TABLE)


class Migration(migrations.Migration):
    dependencies = [("containers_app", "0001_initial")]
    operations = [migrations.RunPython(seal, release)]
