"""Signed heads of the history, as append-only as the history itself."""

from django.db import migrations, models

from containers_app.migrations import _append_only

TABLE = "containers_app_audithead"


def seal(apps, schema_editor):
    _append_only.seal(schema_editor, TABLE, key="id")


def release(apps, schema_editor):
    _append_only.release(schema_editor, TABLE)


class Migration(migrations.Migration):
    dependencies = [("containers_app", "0003_audit_chain")]
    operations = [
        migrations.CreateModel(
            name="AuditHead",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sequence", models.PositiveBigIntegerField()),
                ("digest", models.CharField(max_length=64)),
                ("at", models.DateTimeField()),
                (
                    "key_id",
                    models.CharField(help_text="First 16 hex digits of the public key's SHA-256.", max_length=16),
                ),
                ("signature", models.CharField(help_text="Ed25519, in hex", max_length=128)),
            ],
            options={"ordering": ["-pk"]},
        ),
        migrations.RunPython(seal, release),
    ]
