"""The kinds of operations on images: pull, commit, remove and prune."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('containers_app', '0009_inspection'),
    ]

    operations = [
        migrations.AlterField(
            model_name='operation',
            name='kind',
            field=models.CharField(choices=[('sample', 'Run the sample'), ('create', 'Create'), ('start', 'Start'), ('checkpoint', 'Checkpoint'), ('restore', 'Restore'), ('stop', 'Stop'), ('restart', 'Restart'), ('pause', 'Pause'), ('unpause', 'Unpause'), ('kill', 'Kill'), ('remove', 'Remove'), ('checkpoint_image', 'Checkpoint into an image'), ('restore_image', 'Restore from an image'), ('init', 'Initialize'), ('mount', 'Mount'), ('unmount', 'Unmount'), ('rename', 'Rename'), ('exec', 'Exec'), ('prune', 'Prune'), ('pull', 'Pull'), ('commit', 'Commit'), ('image_remove', 'Remove image'), ('image_prune', 'Prune images of')], max_length=16),
        ),
        migrations.AlterField(
            model_name='operation',
            name='target_name',
            field=models.CharField(blank=True, help_text='Name of the container, or image, that will come to be.', max_length=255),
        ),
    ]
