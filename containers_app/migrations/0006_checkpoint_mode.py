"""What became of the container at its checkpoint, and for how long a copied one stood still."""

from django.db import migrations, models


def name_modes(apps, schema_editor):
    """Until now there were two modes, told by an option."""
    checkpoints = apps.get_model("containers_app", "Checkpoint").objects.using(schema_editor.connection.alias)
    for pk, options in checkpoints.values_list("pk", "options"):
        if options.get("leave_running"):
            checkpoints.filter(pk=pk).update(mode="keep_running")


class Migration(migrations.Migration):
    dependencies = [("containers_app", "0005_audit_evidence")]
    operations = [
        migrations.AddField(
            "checkpoint",
            "mode",
            models.CharField(
                max_length=16,
                choices=[("stop", "Stop"), ("keep_running", "Keep running"), ("copy", "Consistent copy")],
                default="stop",
            ),
        ),
        migrations.AddField(
            "checkpoint",
            "pause",
            models.BigIntegerField(null=True, help_text="µs from the dump's begin until it ran again; of a copy alone."),
        ),
        migrations.RunPython(name_modes, migrations.RunPython.noop),
    ]
