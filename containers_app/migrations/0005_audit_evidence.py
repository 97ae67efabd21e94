"""What the history's evidence needs: seals, verifications, sinks; and indexes for a million events, their words too."""

from django.db import migrations, models

from containers_app.migrations import _append_only, _words

EVENTS, SEALS = "containers_app_auditevent", "containers_app_auditseal"
WORDS = ("sentence", "actor_name", "host_name", "container_name", "checkpoint_name", "image_name", "commands")


def seal(apps, schema_editor):
    _append_only.seal(schema_editor, SEALS, key="id")
    _append_only.release(schema_editor, EVENTS)
    _append_only.seal(schema_editor, EVENTS, key="sequence", sealed=SEALS)


def release(apps, schema_editor):
    _append_only.release(schema_editor, SEALS)
    _append_only.release(schema_editor, EVENTS)
    _append_only.seal(schema_editor, EVENTS, key="sequence")


def index_words(apps, schema_editor):
    _words.index(schema_editor, EVENTS, key="sequence", columns=WORDS)


def forget_words(apps, schema_editor):
    _words.forget(schema_editor, EVENTS)


class Migration(migrations.Migration):

    dependencies = [
        ('containers_app', '0004_audithead'),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditSeal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sequence', models.PositiveBigIntegerField(unique=True)),
                ('digest', models.CharField(help_text='of the event with that sequence: what the next one follows', max_length=64)),
                ('events_sha256', models.CharField(help_text="SHA-256 of the export's events.jsonl", max_length=64)),
                ('at', models.DateTimeField()),
                ('key_id', models.CharField(max_length=16)),
                ('signature', models.CharField(help_text='Ed25519, in hex', max_length=128)),
            ],
            options={
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='AuditSink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='Its address, without what is secret in it.', max_length=200, unique=True)),
                ('sent', models.PositiveBigIntegerField(default=0, help_text='Primary key of the last head that it has.')),
                ('sent_at', models.DateTimeField(null=True)),
                ('error', models.TextField(blank=True, help_text='Why the next head has not been taken; empty when all have.')),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='AuditVerification',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('asked_by_name', models.CharField(blank=True, help_text='Empty: the schedule.', max_length=150)),
                ('asked_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
                ('events', models.PositiveBigIntegerField(default=0, help_text='Good ones, from the first on.')),
                ('covered', models.PositiveBigIntegerField(default=0, help_text='The last event that a signed head covers.')),
                ('kind', models.CharField(blank=True, help_text='runtime.chain.Finding.kind; empty: it is whole', max_length=16)),
                ('report', models.TextField(blank=True)),
            ],
            options={
                'ordering': ['-pk'],
            },
        ),
        migrations.RemoveIndex(
            model_name='auditevent',
            name='event_by_action',
        ),
        migrations.AlterField(
            model_name='auditevent',
            name='source',
            field=models.CharField(choices=[('page', 'page'), ('agent', 'agent'), ('command', 'command'), ('api', 'API'), ('schedule', 'schedule')], max_length=16),
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(fields=['action', 'sequence'], name='event_by_action'),
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(fields=['actor_name', 'sequence'], name='event_by_actor'),
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(fields=['result', 'sequence'], name='event_by_result'),
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(fields=['host_name', 'sequence'], name='event_by_host'),
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(fields=['image_name', 'sequence'], name='event_by_image'),
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(fields=['at'], name='event_by_time'),
        ),
        migrations.RunPython(seal, release),
        migrations.RunPython(index_words, forget_words),
    ]
