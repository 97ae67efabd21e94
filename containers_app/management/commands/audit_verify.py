"""`manage.py audit_verify`: the history in the database by the rules of `script/audit-verify`; fails if not whole."""

from django.core.management.base import BaseCommand, CommandError

from containers_app.errors import FreezeframeError
from containers_app.runtime import chain
from containers_app.services import evidence


class Command(BaseCommand):
    help = "Verify every audit event in the database, the signed heads, and those that were sent away."

    def handle(self, **options):
        try:
            report = evidence.verify()
        except FreezeframeError as error:
            raise CommandError(f"{error.message} {error.remedy}".strip()) from error
        if report.finding:
            raise CommandError(str(report))
        self.stdout.write(f"{report}\n\n{chain.NOT_PROVEN}")
