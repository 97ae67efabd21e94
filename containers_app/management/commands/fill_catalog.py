"""`manage.py fill_catalog`: a catalog of many made-up checkpoints, to see and to measure Freezeframe with."""

from django.core.management.base import BaseCommand, CommandError

from containers_app.errors import Conflict
from containers_app.services import made_up


class Command(BaseCommand):
    help = (
        "Fill an empty catalog with made-up checkpoints that have no archives: for trying out and measuring. "
        "Refuses a database that knows a real host."
    )

    def add_arguments(self, parser):
        parser.add_argument("--checkpoints", type=int, default=100_000, help="how many there are at the end (100000)")

    def handle(self, *, checkpoints, **options):
        try:
            made = made_up.fill(checkpoints)
        except Conflict as error:
            raise CommandError(f"{error} {error.remedy}") from error
        self.stdout.write(f"Made {made:,} checkpoints; the catalog has {checkpoints:,}.")
