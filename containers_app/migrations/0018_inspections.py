"""What is inside checkpoints: environment values apart, searches of memory, comparisons; operations that can be ended."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('containers_app', '0017_trust'),
    ]

    operations = [
        migrations.AddField(
            model_name='operation',
            name='cancel_asked_at',
            field=models.DateTimeField(help_text='Whoever performs it ends it at the next occasion.', null=True),
        ),
        migrations.AlterField(
            model_name='operation',
            name='kind',
            field=models.CharField(choices=[('sample', 'Run the sample'), ('create', 'Create'), ('start', 'Start'), ('checkpoint', 'Checkpoint'), ('restore', 'Restore'), ('stop', 'Stop'), ('restart', 'Restart'), ('pause', 'Pause'), ('unpause', 'Unpause'), ('kill', 'Kill'), ('remove', 'Remove'), ('checkpoint_image', 'Checkpoint into an image'), ('restore_image', 'Restore from an image'), ('init', 'Initialize'), ('mount', 'Mount'), ('unmount', 'Unmount'), ('rename', 'Rename'), ('exec', 'Exec'), ('prune', 'Prune'), ('selftest', 'Self-test of'), ('criu_config', 'CRIU’s switches of'), ('pull', 'Pull'), ('commit', 'Commit'), ('image_remove', 'Remove image'), ('image_prune', 'Prune images of'), ('import', 'Import'), ('discard', 'Discard'), ('keep_image', 'Keep the image'), ('scrub', 'Read the archive of'), ('drill', 'Drill'), ('push', 'Push'), ('memory_search', 'Search the memory of'), ('memory_compare', 'Compare the memory of')], max_length=16),
        ),
        migrations.CreateModel(
            name='MemorySearch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('finished_at', models.DateTimeField(db_index=True)),
                ('searched_bytes', models.BigIntegerField(default=0)),
                ('found', models.PositiveIntegerField(default=0)),
                ('whole', models.BooleanField(default=True, help_text='False when it ended at a limit of time or hits.')),
                ('hits', models.JSONField(help_text='runtime.memory.Hit as JSON, in order; null once they were wiped.', null=True)),
                ('checkpoint', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memory_searches', to='containers_app.checkpoint')),
                ('operation', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='memory_search', to='containers_app.operation')),
            ],
            options={
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='SeenEnvironment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('values', models.JSONField(help_text='{process ID, or `config`: [[name, value]]}')),
                ('checkpoint', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='seen_environment', to='containers_app.checkpoint')),
            ],
        ),
        migrations.CreateModel(
            name='MemoryComparison',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('processes', models.JSONField(help_text='[{pid, same, changed, added, gone}] in pages')),
                ('first', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='compared_as_first', to='containers_app.checkpoint')),
                ('operation', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='memory_comparison', to='containers_app.operation')),
                ('second', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='compared_as_second', to='containers_app.checkpoint')),
            ],
            options={
                'ordering': ['-pk'],
                'constraints': [models.UniqueConstraint(fields=('first', 'second'), name='compared_once')],
            },
        ),
    ]
