"""`manage.py prepare`: the project's own part of script/setup. Quick, and silent, when there is nothing to do."""

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from webui import layout


class Command(BaseCommand):
    help = "Make the data directory, migrate the database, collect the static files. Does nothing twice."

    def handle(self, **options):
        self._move_database()
        layout.apply(settings.DATA_DIR)
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            self.stdout.write("setup: migrating the database")
            call_command("migrate", verbosity=0, interactive=False)
        if self._static_files_are_newer():
            self.stdout.write("setup: collecting static files")
            call_command("collectstatic", verbosity=0, interactive=False, clear=True)
        layout.apply(settings.DATA_DIR)  # the database is there now

    def _move_database(self):
        """Until 0.3 SQLite's file lay in the data directory itself, where the web process cannot write."""
        for suffix in ("", "-wal", "-shm"):
            before = settings.DATA_DIR / f"freezeframe.sqlite3{suffix}"
            after = settings.DATA_DIR / "db" / before.name
            if before.exists() and not after.exists():
                after.parent.mkdir(mode=0o700, exist_ok=True)
                before.rename(after)

    def _static_files_are_newer(self):
        """True when a file of ours, or the lock of the packages that carry the others, is newer than the manifest."""
        manifest = settings.STATIC_ROOT / "staticfiles.json"
        if not manifest.exists():
            return True
        sources = [settings.BASE_DIR / "deploy" / "requirements.txt", *(settings.BASE_DIR / "static").rglob("*")]
        return max(path.stat().st_mtime for path in sources) > manifest.stat().st_mtime
