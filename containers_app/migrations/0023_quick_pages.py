"""Indexes for what every page asks of the operations, and for sizes in the order of time."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('containers_app', '0022_sign_ins'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='checkpoint',
            name='catalog_by_size',
        ),
        migrations.AddIndex(
            model_name='checkpoint',
            index=models.Index(condition=models.Q(('discarded_at', None)), fields=['archive_bytes', 'taken_at', 'id', 'team', 'discarded_at', 'unpacked_bytes'], name='catalog_by_size'),
        ),
        migrations.AddIndex(
            model_name='operation',
            index=models.Index(fields=['requested_by', 'finished_at'], name='operation_just_ended'),
        ),
    ]
