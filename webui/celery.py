"""The Celery application. Wiring only: settings are in `webui/settings.py`, tasks in `containers_app/tasks.py`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webui.settings")

app = Celery("freezeframe", include=["containers_app.tasks"])
app.config_from_object("webui.settings:CELERY")
