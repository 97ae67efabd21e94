"""The ASGI application that uvicorn serves."""

import os
import tempfile

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webui.settings")

django_application = get_asgi_application()

from django.conf import settings  # noqa: E402

from containers_app.bodies import BoundedBodies  # noqa: E402 - once Django is set up

# Bodies that are too large for memory go to where uploads lie: /tmp may be memory itself.
settings.SPOOL_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
tempfile.tempdir = str(settings.SPOOL_DIR)

application = BoundedBodies(django_application)
