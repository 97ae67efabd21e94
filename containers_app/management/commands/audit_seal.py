"""`manage.py audit_seal --before DATE DIR`: what is older leaves the database, into a verified bundle."""

from datetime import UTC, datetime
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from containers_app.errors import FreezeframeError
from containers_app.services import audit, bundles


class Command(BaseCommand):
    help = "Export the events before a day into a new folder, verify them there, and take them out of the database."

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path, help="a folder that is not there yet")
        parser.add_argument("--before", required=True, type=_day, help="a day, such as 2026-01-31: it stays")

    def handle(self, folder, before, **options):
        try:
            seal = bundles.seal(by=audit.Caller(), before=before, folder=folder)
        except FreezeframeError as error:
            raise CommandError(f"{error.message} {error.remedy}".strip()) from error
        self.stdout.write(f"Sealed {folder}: keep it. Its events.jsonl has the SHA-256 {seal.events_sha256}.")


def _day(text):
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
