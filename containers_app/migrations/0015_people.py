"""Teams and roles: who owns what, and who may do what. One default team owns what is there."""

import containers_app.models.people
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


EVERYBODY = ["see"]
OPERATOR = [
    "checkpoint", "clone", "create", "discard", "download_archive", "edit_catalog", "exec", "export_audit",
    "import_archive", "manage_images", "operate", "read_audit", "restore", "see", "see_environment", "share",
    "verify_audit",
]
ADMIN = [
    *OPERATOR, "approve_imports", "create_privileged", "manage_hosts", "manage_people", "manage_policies",
    "search_memory",
]
ROLES = (
    ("viewer", "Looks, and changes nothing.", EVERYBODY),
    ("operator", "Works with containers and checkpoints, day by day.", OPERATOR),
    ("auditor", "Reads who did what, and proves it.", ["see", "read_audit", "export_audit", "verify_audit"]),
    ("admin", "Holds every right.", ADMIN),
)


def seed(apps, schema_editor):
    Role, Team = (apps.get_model("containers_app", name) for name in ("Role", "Team"))
    for name, purpose, rights in ROLES:
        Role.objects.create(name=name, purpose=purpose, rights=sorted(rights), built_in=True)
    Team.objects.create(name="Default", is_default=True)


class Migration(migrations.Migration):

    dependencies = [
        ('containers_app', '0014_catalog_words'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Role',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=16, unique=True)),
                ('purpose', models.CharField(blank=True, max_length=120)),
                ('rights', models.JSONField(default=list, help_text='Names of access.RIGHTS, sorted.')),
                ('built_in', models.BooleanField(default=False)),
            ],
            options={
                'ordering': ['-built_in', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='TeamRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('label', models.CharField(blank=True, help_text="A label's name, as Podman has it.", max_length=255)),
                ('value', models.CharField(blank=True, help_text="The label's value; empty: any.", max_length=255)),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL)),
                ('role', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to='containers_app.role')),
            ],
            options={
                'ordering': ['team', 'user__username'],
            },
        ),
        migrations.CreateModel(
            name='Team',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=40, unique=True)),
                ('is_default', models.BooleanField(default=False)),
                ('members', models.ManyToManyField(related_name='teams', through='containers_app.Membership', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-is_default', 'name'],
            },
        ),
        migrations.AddField(
            model_name='membership',
            name='team',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='containers_app.team'),
        ),
        migrations.AddField(
            model_name='teamrule',
            name='host',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='containers_app.host'),
        ),
        migrations.AddField(
            model_name='teamrule',
            name='team',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rules', to='containers_app.team'),
        ),
        migrations.AddConstraint(
            model_name='team',
            constraint=models.UniqueConstraint(condition=models.Q(('is_default', True)), fields=('is_default',), name='one_default_team'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.UniqueConstraint(fields=('user', 'team'), name='one_role_per_team'),
        ),
        migrations.RunPython(seed, migrations.RunPython.noop, elidable=False),
        migrations.AddField(
            model_name='auditevent',
            name='team',
            field=models.ForeignKey(db_constraint=False, db_index=False, help_text="Whose it was then; null: the house's, such as a host's.", null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='containers_app.team'),
        ),
        migrations.AddField(
            model_name='checkpoint',
            name='shared_with',
            field=models.ManyToManyField(blank=True, related_name='shared_checkpoints', to='containers_app.team'),
        ),
        migrations.AddField(
            model_name='checkpoint',
            name='team',
            field=models.ForeignKey(default=containers_app.models.people.default_team, on_delete=django.db.models.deletion.PROTECT, related_name='checkpoints', to='containers_app.team'),
        ),
        migrations.AddField(
            model_name='container',
            name='made_for',
            field=models.ForeignKey(help_text='Who had it made: that wins over the rules.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='containers_app.team'),
        ),
        migrations.AddField(
            model_name='container',
            name='team',
            field=models.ForeignKey(default=containers_app.models.people.default_team, on_delete=django.db.models.deletion.PROTECT, related_name='containers', to='containers_app.team'),
        ),
        migrations.AddField(
            model_name='operation',
            name='team',
            field=models.ForeignKey(help_text="Whose it is; null: the house's.", null=True, on_delete=django.db.models.deletion.PROTECT, related_name='operations', to='containers_app.team'),
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(fields=['team', 'sequence'], name='event_by_team'),
        ),
        migrations.AddIndex(
            model_name='checkpoint',
            index=models.Index(condition=models.Q(('discarded_at', None)), fields=['team', 'taken_at', 'id', 'archive_bytes', 'unpacked_bytes', 'discarded_at'], name='catalog_by_team'),
        ),
        migrations.AddIndex(
            model_name='operation',
            index=models.Index(fields=['team', '-requested_at'], name='operation_of_team'),
        ),
    ]
