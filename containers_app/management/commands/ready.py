"""`manage.py ready`: waits until everything that script/server starts answers, then says so in one line."""

import time
import urllib.error
import urllib.request

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from containers_app.models import Host
from containers_app.services import people

PATIENCE = 90  # seconds


class Command(BaseCommand):
    help = "Wait for the web process and the agent, make the first administrator, and print where to go."

    def add_arguments(self, parser):
        parser.add_argument("url", help="Address of the web process, such as http://127.0.0.1:8000/")

    def handle(self, url, **options):
        deadline = time.monotonic() + PATIENCE
        while not (self._answers(url) and self._agent_is_there()):
            if time.monotonic() > deadline:
                raise CommandError("Freezeframe did not become ready; the log folder of the data directory says why.")
            time.sleep(0.2)
        line = f"Freezeframe is ready: {url}"
        first = people.add_first_administrator()
        if first:
            line += "  (sign in as {} with the password {})".format(*first)
        self.stdout.write(line)
        for check in Host.objects.get(name=settings.HOST_NAME).readiness:
            if check["level"] == "block":
                self.stdout.write(f"Not ready to checkpoint: {check['title']}: {check['detail']}. {check['remedy']}")

    def _answers(self, url):
        """Asked as a proxy in front would ask, so that a site behind HTTPS answers here too."""
        headers = {
            "Host": settings.ALLOWED_HOSTS[0].lstrip("*."),
            "X-Forwarded-Proto": "https" if settings.HTTPS else "http",
        }
        request = urllib.request.Request(f"{url}sign-in/", headers=headers)  # noqa: S310 - the address is our own
        try:
            return urllib.request.urlopen(request, timeout=5).status == 200  # noqa: S310
        except (urllib.error.URLError, OSError):
            return False

    def _agent_is_there(self):
        host = Host.objects.filter(name=settings.HOST_NAME).first()
        return host is not None and not host.away and bool(host.readiness)
