"""Self-tests of hosts, and the kinds of operations on hosts."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('containers_app', '0010_images'),
    ]

    operations = [
        migrations.AlterField(
            model_name='operation',
            name='kind',
            field=models.CharField(choices=[('sample', 'Run the sample'), ('create', 'Create'), ('start', 'Start'), ('checkpoint', 'Checkpoint'), ('restore', 'Restore'), ('stop', 'Stop'), ('restart', 'Restart'), ('pause', 'Pause'), ('unpause', 'Unpause'), ('kill', 'Kill'), ('remove', 'Remove'), ('checkpoint_image', 'Checkpoint into an image'), ('restore_image', 'Restore from an image'), ('init', 'Initialize'), ('mount', 'Mount'), ('unmount', 'Unmount'), ('rename', 'Rename'), ('exec', 'Exec'), ('prune', 'Prune'), ('selftest', 'Self-test of'), ('criu_config', 'CRIU’s switches of'), ('pull', 'Pull'), ('commit', 'Commit'), ('image_remove', 'Remove image'), ('image_prune', 'Prune images of')], max_length=16),
        ),
        migrations.CreateModel(
            name='SelfTest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('finished_at', models.DateTimeField()),
                ('passed', models.BooleanField()),
                ('step', models.CharField(blank=True, help_text='The phase that failed.', max_length=64)),
                ('versions', models.JSONField(default=dict)),
                ('checkpoint_us', models.BigIntegerField(default=0)),
                ('frozen_us', models.BigIntegerField(default=0)),
                ('restore_us', models.BigIntegerField(default=0)),
                ('host', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='selftests', to='containers_app.host')),
                ('operation', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='selftest', to='containers_app.operation')),
            ],
            options={
                'ordering': ['-finished_at', '-pk'],
                'indexes': [models.Index(fields=['host', '-finished_at'], name='selftest_of_host')],
            },
        ),
    ]
