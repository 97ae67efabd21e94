"""The web process: `python -m webui.web --host … --port …`. Loads the application, gives root up, then serves.

Started as root it becomes FREEZEFRAME_WEB_USER, for good, before the first byte of a request is read.
"""

import argparse
import ctypes
import importlib
import logging
import os
import pkgutil
import sys
from contextlib import suppress

import uvicorn
from django.conf import settings

from webui import layout

log = logging.getLogger(__name__)

PR_SET_NO_NEW_PRIVS = 38  # prctl(2)
# Of Python's library: what nothing here ever needs, and has effects when it is loaded.
NEVER = {"antigravity", "idlelib", "lib2to3", "msilib", "test", "this", "tkinter", "turtle", "turtledemo", "winreg"}
DEEP = ("asyncio", "concurrent", "email", "encodings", "html", "http", "importlib", "json", "logging", "urllib", "xml")


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m webui.web", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--grace", type=int, default=2, help="seconds that requests may take to end")
    chosen = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webui.settings")
    config = uvicorn.Config(
        "webui.asgi:application", host=chosen.host, port=chosen.port, server_header=False,
        timeout_graceful_shutdown=chosen.grace, proxy_headers=bool(settings.PROXIES),
        forwarded_allow_ips=settings.PROXIES, log_config=None, access_log=False,
    )  # fmt: skip
    config.load()
    importlib.import_module(settings.ROOT_URLCONF)
    socket = config.bind_socket()
    give_root_up()
    uvicorn.Server(config).run(sockets=[socket])


def give_root_up():
    """Become the web user, for good; a line in the log says why where that cannot be."""
    user = layout.web_user()
    if user is None:
        if os.geteuid() == 0:
            log.warning("the web process runs as root: %s", layout.why_not())
        return
    if layout.library_is_hidden():
        _load_library()
    os.setgroups([])
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    os.umask(0o077)
    os.environ |= {"HOME": "/nonexistent", "USER": user.pw_name, "LOGNAME": user.pw_name}


def _load_library():
    """All of Python's library that may be asked for later, when it can no longer be read."""
    for name in sorted(sys.stdlib_module_names - NEVER):
        if not name.startswith("_"):
            with suppress(Exception):
                importlib.import_module(name)
    for name in DEEP:
        for module in pkgutil.walk_packages(importlib.import_module(name).__path__, f"{name}."):
            if not module.name.endswith("__main__"):
                with suppress(Exception):
                    importlib.import_module(module.name)


if __name__ == "__main__":
    main()
