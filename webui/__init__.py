"""The Django project. The Celery application is made with it, so that whoever rings a queue rings the right one."""

from .celery import app as celery_app

__all__ = ["celery_app"]
