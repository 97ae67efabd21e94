"""The words, and the places in the lineage, of the checkpoints and containers that are there already."""

from django.db import migrations


def write(apps, schema_editor):
    models = {name: apps.get_model("containers_app", name) for name in ("Checkpoint", "Container", "SearchText", "Operation")}
    rows = models["Checkpoint"].objects.select_related("host").prefetch_related("tags").order_by("pk")
    for row in rows.defer("members", "completed_paths").iterator(chunk_size=500):
        tags = [tag.name for tag in row.tags.all()]
        said = [row.name, row.note, *tags, row.container_name, row.image_name, row.host.name, row.taken_by_name]
        processes = inspected(apps, row).get("processes", [])
        models["SearchText"].objects.update_or_create(
            checkpoint=row, defaults={"said": " ".join(said), "seen": " ".join(item.get("comm", "") for item in processes)}
        )
    restores = models["Operation"].objects.filter(kind="restore", state="succeeded").exclude(container=None)
    for restore in restores.select_related("checkpoint").order_by("pk"):
        if restore.checkpoint.container_id != restore.container_id:
            models["Container"].objects.filter(pk=restore.container_id, came_from=None).update(came_from=restore.checkpoint)


def inspected(apps, checkpoint):
    row = apps.get_model("containers_app", "Inspection").objects.filter(checkpoint=checkpoint).first()
    return row.facts if row else {}


class Migration(migrations.Migration):

    dependencies = [
        ('containers_app', '0013_catalog'),
    ]

    operations = [
        migrations.RunPython(write, migrations.RunPython.noop),
    ]
