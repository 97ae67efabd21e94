"""What is known of a mount, which operations one press asked for, and the kinds of a container's life."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('containers_app', '0007_checkpoint_images'),
    ]

    operations = [
        migrations.AddField(
            model_name='container',
            name='mount_point',
            field=models.CharField(blank=True, help_text='Where its file system is mounted now.', max_length=4096),
        ),
        migrations.AddField(
            model_name='operation',
            name='batch',
            field=models.UUIDField(db_index=True, help_text='The request_key of the press that asked for many.', null=True),
        ),
        migrations.AlterField(
            model_name='operation',
            name='kind',
            field=models.CharField(choices=[('sample', 'Run the sample'), ('create', 'Create'), ('start', 'Start'), ('checkpoint', 'Checkpoint'), ('restore', 'Restore'), ('stop', 'Stop'), ('restart', 'Restart'), ('pause', 'Pause'), ('unpause', 'Unpause'), ('kill', 'Kill'), ('remove', 'Remove'), ('checkpoint_image', 'Checkpoint into an image'), ('restore_image', 'Restore from an image'), ('init', 'Initialize'), ('mount', 'Mount'), ('unmount', 'Unmount'), ('rename', 'Rename'), ('exec', 'Exec'), ('prune', 'Prune')], max_length=16),
        ),
    ]
