"""The application's start: signals of Django that the history records, and the system checks."""

from django.apps import AppConfig


class ContainersAppConfig(AppConfig):
    name = "containers_app"

    def ready(self):
        from . import checks, signins  # noqa: F401
