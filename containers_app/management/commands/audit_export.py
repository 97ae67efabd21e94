"""`manage.py audit_export DIR`: the audit history as a bundle that `script/audit-verify` checks without Freezeframe."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from containers_app.errors import FreezeframeError
from containers_app.services import bundles


class Command(BaseCommand):
    help = "Sign a head and write events, heads and public key into a new folder."

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path, help="a folder that is not there yet")

    def handle(self, folder, **options):
        try:
            count = bundles.export(folder)
        except FreezeframeError as error:
            raise CommandError(f"{error.message} {error.remedy}".strip()) from error
        self.stdout.write(
            f"{count} events, covered to the last by a signed head. Check them: script/audit-verify {folder}"
        )
