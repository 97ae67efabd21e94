"""The Celery application. Wiring only: the settings are in `webui/settings.py`, the tasks in `containers_app/tasks.py`."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webui.settings")

from celery import Celery  # noqa: E402
from django.conf import settings  # noqa: E402

app = Celery("freezeframe", include=["containers_app.tasks"])
app.conf.update(settings.CELERY)
