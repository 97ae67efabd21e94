"""`manage.py watch`: the watcher of this host, until it is told to stop."""

import signal

from django.core.management.base import BaseCommand

from containers_app.services.watcher import Watcher


class Command(BaseCommand):
    help = "Follow Podman on this host: inventory, events, and the logs that people look at."

    def handle(self, **options):
        watcher = Watcher()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: watcher.stop.set())
        watcher.run()
