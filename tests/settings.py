"""Settings of the tests: the shipped ones over a data directory of their own, made anew for each run."""

import atexit
import os
import shutil
import tempfile

_folder = tempfile.mkdtemp(prefix="ff-", suffix="_Data")  # capitals and the like: not every path can be an image's name
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
for _name in [name for name in os.environ if name.startswith("FREEZEFRAME_")]:
    del os.environ[_name]
os.environ["FREEZEFRAME_DATA_DIR"] = _folder
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright's synchronous interface runs a loop in the tests' thread.

from webui.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_ROOT.mkdir(parents=True)  # noqa: F405
