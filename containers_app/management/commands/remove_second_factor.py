"""`manage.py remove_second_factor NAME`: the way back in for the last administrator who has lost app and codes."""

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from containers_app.errors import FreezeframeError
from containers_app.services import second_factor


class Command(BaseCommand):
    help = "Let a person sign in with the password alone, until they set up another second factor."

    def add_arguments(self, parser):
        parser.add_argument("name", help="The person's name, as they type it to sign in.")

    def handle(self, name, **options):
        person = get_user_model().objects.filter(username=name).first()
        if person is None:
            raise CommandError(f"There is nobody called {name}.")
        try:
            second_factor.remove_as_root(user=person)
        except FreezeframeError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{name} signs in with the password alone now.")
