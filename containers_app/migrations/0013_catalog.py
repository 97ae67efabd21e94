"""What the catalog's pages find by: indexes for 100,000 checkpoints, their words, favourites, searches, lineage, discards."""

import django.db.models.deletion
import django.db.models.fields.json
import django.db.models.functions.comparison
from django.conf import settings
from django.db import migrations, models

from containers_app.migrations import _words

TEXTS = "containers_app_searchtext"


def index_words(apps, schema_editor):
    _words.index(schema_editor, TEXTS, key="checkpoint_id", columns=("said", "seen"), changes=True)


def forget_words(apps, schema_editor):
    _words.forget(schema_editor, TEXTS, changes=True)


class Migration(migrations.Migration):

    dependencies = [
        ('containers_app', '0012_imports'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='SavedSearch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80)),
                ('query', models.CharField(help_text="The address's part after the question mark.", max_length=2000)),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='SearchText',
            fields=[
                ('checkpoint', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='search_text', serialize=False, to='containers_app.checkpoint')),
                ('said', models.TextField(help_text='Names, note, tags, image, host and person: what people say of it.')),
                ('seen', models.TextField(blank=True, help_text="Words of its processes' names and command lines.")),
            ],
        ),
        migrations.RemoveConstraint(
            model_name='checkpoint',
            name='archive_once_per_store',
        ),
        migrations.AddField(
            model_name='checkpoint',
            name='discarded_at',
            field=models.DateTimeField(help_text='Its archive is gone; it is no longer in the catalog.', null=True),
        ),
        migrations.AddField(
            model_name='checkpoint',
            name='engine',
            field=models.CharField(default='podman', help_text='Which container engine wrote the archive.', max_length=16),
        ),
        migrations.AddField(
            model_name='checkpoint',
            name='favourite_of',
            field=models.ManyToManyField(blank=True, related_name='favourites', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='container',
            name='came_from',
            field=models.ForeignKey(help_text="Another container's checkpoint that it first came to be from: its place in the lineage.", null=True, on_delete=django.db.models.deletion.PROTECT, related_name='offspring', to='containers_app.checkpoint'),
        ),
        migrations.AddField(
            model_name='checkpoint',
            name='pinned',
            field=models.BooleanField(default=False, help_text='It cannot be discarded.'),
        ),
        migrations.AddField(
            model_name='checkpoint',
            name='verified_at',
            field=models.DateTimeField(help_text='When its last drill passed; null: none, or it failed.', null=True),
        ),
        migrations.AlterField(
            model_name='operation',
            name='kind',
            field=models.CharField(choices=[('sample', 'Run the sample'), ('create', 'Create'), ('start', 'Start'), ('checkpoint', 'Checkpoint'), ('restore', 'Restore'), ('stop', 'Stop'), ('restart', 'Restart'), ('pause', 'Pause'), ('unpause', 'Unpause'), ('kill', 'Kill'), ('remove', 'Remove'), ('checkpoint_image', 'Checkpoint into an image'), ('restore_image', 'Restore from an image'), ('init', 'Initialize'), ('mount', 'Mount'), ('unmount', 'Unmount'), ('rename', 'Rename'), ('exec', 'Exec'), ('prune', 'Prune'), ('selftest', 'Self-test of'), ('criu_config', 'CRIU’s switches of'), ('pull', 'Pull'), ('commit', 'Commit'), ('image_remove', 'Remove image'), ('image_prune', 'Prune images of'), ('import', 'Import'), ('discard', 'Discard')], max_length=16),
        ),
        migrations.AddField(
            model_name='checkpoint',
            name='frozen_time',
            field=models.GeneratedField(db_persist=True, expression=django.db.models.functions.comparison.Coalesce(django.db.models.functions.comparison.Cast(django.db.models.fields.json.KeyTextTransform('frozen_time', 'statistics'), models.BigIntegerField()), 0), output_field=models.BigIntegerField()),
        ),
        migrations.AddIndex(
            model_name='checkpoint',
            index=models.Index(condition=models.Q(('discarded_at', None)), fields=['taken_at', 'id', 'archive_bytes', 'unpacked_bytes', 'discarded_at', 'host', 'container', 'engine', 'pinned', 'verified_at'], name='catalog_by_time'),
        ),
        migrations.AddIndex(
            model_name='checkpoint',
            index=models.Index(condition=models.Q(('discarded_at', None)), fields=['name', 'id'], name='catalog_by_name'),
        ),
        migrations.AddIndex(
            model_name='checkpoint',
            index=models.Index(condition=models.Q(('discarded_at', None)), fields=['archive_bytes', 'id'], name='catalog_by_size'),
        ),
        migrations.AddIndex(
            model_name='checkpoint',
            index=models.Index(condition=models.Q(('discarded_at', None)), fields=['frozen_time', 'id'], name='catalog_by_frozen_time'),
        ),
        migrations.AddIndex(
            model_name='checkpoint',
            index=models.Index(condition=models.Q(('discarded_at', None)), fields=['host', 'taken_at', 'id', 'archive_bytes', 'unpacked_bytes', 'discarded_at'], name='catalog_by_host'),
        ),
        migrations.AddIndex(
            model_name='checkpoint',
            index=models.Index(condition=models.Q(('discarded_at', None)), fields=['container_name', 'taken_at', 'id', 'archive_bytes', 'unpacked_bytes', 'discarded_at'], name='catalog_by_container'),
        ),
        migrations.AddIndex(
            model_name='checkpoint',
            index=models.Index(condition=models.Q(('discarded_at', None)), fields=['image_name', 'taken_at', 'id', 'archive_bytes', 'unpacked_bytes', 'discarded_at'], name='catalog_by_image'),
        ),
        migrations.AddIndex(
            model_name='checkpoint',
            index=models.Index(condition=models.Q(('discarded_at', None)), fields=['taken_by_name', 'taken_at', 'id', 'archive_bytes', 'unpacked_bytes', 'discarded_at'], name='catalog_by_person'),
        ),
        migrations.AddConstraint(
            model_name='checkpoint',
            constraint=models.UniqueConstraint(condition=models.Q(('discarded_at', None)), fields=('store', 'archive_sha256'), name='archive_once_per_store'),
        ),
        migrations.AddConstraint(
            model_name='operation',
            constraint=models.UniqueConstraint(condition=models.Q(('kind', 'discard'), ('state__in', ['queued', 'started'])), fields=('checkpoint',), name='one_unfinished_discard_per_checkpoint'),
        ),
        migrations.AddField(
            model_name='savedsearch',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='saved_searches', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='savedsearch',
            constraint=models.UniqueConstraint(fields=('user', 'name'), name='search_once_per_person'),
        ),
        migrations.RunPython(index_words, forget_words),
    ]
