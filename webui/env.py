"""Every setting that the environment can give, in one table: name, default, meaning. README.md shows the same table.

Wiring only: knows nothing of the application.
"""

from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

VARIABLES = {
    "DATABASE_URL": ("", "Database address. Empty: SQLite in the data directory. A team uses `postgres://…`."),
    "FREEZEFRAME_DATA_DIR": ("var", "Directory for the database, secrets, sockets and logs; relative to the checkout."),
    "FREEZEFRAME_STORE_DIR": ("", "Directory of the archive store. Empty: `archives` in the data directory."),
    "FREEZEFRAME_SPOOL_DIR": (
        "",
        "Where uploads lie until the agent takes them. Empty: `spool` in the data directory.",
    ),
    "FREEZEFRAME_SPOOL_GIB": ("32", "How many GiB uploads may hold in it together; one alone is never larger."),
    "FREEZEFRAME_IMPORT_FROM": ("", "Folders of the host, by comma, from which archives may be brought in by path."),
    "FREEZEFRAME_IMPORT_GIB": ("64", "How many GiB an archive from elsewhere may hold when it is unpacked."),
    "FREEZEFRAME_REDIS_URL": ("", "Redis or Valkey address. Empty: the embedded server on a private socket."),
    "FREEZEFRAME_SECRET_KEY": ("", "Django's secret key. Empty: generated once into the data directory."),
    "FREEZEFRAME_ALLOWED_HOSTS": ("localhost,127.0.0.1", "Host names that the web process answers to, by comma."),
    "FREEZEFRAME_HTTPS": ("0", "`1` behind HTTPS: secure cookies, HSTS, redirects, and trust in `X-Forwarded-Proto`."),
    "FREEZEFRAME_DEBUG": ("0", "`1` shows Django's error pages. Never on a machine that others reach."),
    "FREEZEFRAME_HOST": ("local", "Name of the Podman host that this agent serves, and of its queue `host.<name>`."),
    "FREEZEFRAME_PODMAN": (
        "podman",
        "The Podman binary, with global options before the verb if any (`podman --root …`).",
    ),
    "FREEZEFRAME_OCI_RUNTIME": ("", "OCI runtime for new containers. Empty: the first one here that can checkpoint."),
    "FREEZEFRAME_TOOLS_DIR": (
        "/opt/freezeframe/bin",
        "Searched first for `criu`; `script/setup` puts a newer CRIU there.",
    ),
    "FREEZEFRAME_REGISTRIES": (
        "",
        "Where images may be pulled from, by comma: registries, or paths in them (`quay.io/team`). Empty: anywhere.",
    ),
    "FREEZEFRAME_DUMP_SECONDS": (
        "120",
        "How long a dump may take before it is ended, beside a second for each 20 MiB of memory.",
    ),
    "FREEZEFRAME_SELFTEST_HOURS": ("24", "How often an agent proves by itself that its host can. `0`: never."),
    "FREEZEFRAME_CRIU_CONFIG": ("/etc/criu/runc.conf", "The file of CRIU's own switches that the OCI runtime reads."),
    "FREEZEFRAME_CONCURRENCY": ("4", "How many operations one agent performs at once."),
    "FREEZEFRAME_AUDIT_KEY_FILE": (
        "",
        "The key that signs the audit history. Empty: `audit_key` in the data directory.",
    ),
    "FREEZEFRAME_AUDIT_HEADS_FILE": (
        "",
        "File that signed heads are appended to, best on another machine. Empty: none.",
    ),
    "FREEZEFRAME_AUDIT_HEADS_TO": (
        "",
        "More places for signed heads, by comma: `syslog:…`, `s3:…`, `https:…` (docs/audit.md).",
    ),
    "FREEZEFRAME_SESSION_HOURS": ("12", "How long a sign-in lasts at the most."),
    "FREEZEFRAME_IDLE_MINUTES": ("120", "After how long a session that nobody uses is over."),
    "FREEZEFRAME_PROVE_MINUTES": (
        "15",
        "How long a typed password is good for what cannot be undone or takes secrets out. `0`: never asked again.",
    ),
    "FREEZEFRAME_SECOND_FACTOR": (
        "optional",
        "Who must have a second factor: `optional`, `administrators` (who may manage people), or `everyone`.",
    ),
    "FREEZEFRAME_LOCKOUT_FAILURES": ("5", "How many wrong passwords of one name come from one address until it waits."),
    "FREEZEFRAME_LOCKOUT_MINUTES": ("15", "How long it waits then."),
    "FREEZEFRAME_WEB_USER": ("freezeframe", "Whom the web process becomes when it is started as root."),
    "FREEZEFRAME_PROXIES": (
        "",
        "Addresses of proxies whose `X-Forwarded-For` is believed, by comma. Empty: nobody's.",
    ),
    "FREEZEFRAME_LOG_LEVEL": ("INFO", "Level of the processes' own log lines."),
}

_env = environ.Env()


def text(name):
    """The setting's value, or its default from the table, as text."""
    return _env.str(name, default=VARIABLES[name][0])


def choice(name, *values):
    """The setting, one of `values`; anything else is refused at start."""
    value = text(name)
    if value not in values:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(values)}, not {value!r}.")
    return value


def switch(name):
    """The setting as True or False; anything but 0 and 1 is refused at start."""
    value = text(name)
    if value not in {"0", "1"}:
        raise ImproperlyConfigured(f"{name} must be 0 or 1, not {value!r}.")
    return value == "1"


def number(name, *, least=1):
    """The setting as a whole number of at least `least`."""
    value = text(name)
    if not value.isascii() or not value.isdigit() or int(value) < least:
        raise ImproperlyConfigured(f"{name} must be a whole number, {least} at the least, not {value!r}.")
    return int(value)


def names(name):
    """The setting as a list, split at commas."""
    return [part.strip() for part in text(name).split(",") if part.strip()]


def directory(name, default=""):
    """The setting as an absolute path; a relative one starts at the checkout."""
    return BASE_DIR / (text(name) or default)


def file(name):
    """The setting as an absolute path, relative to the checkout; None when it is empty."""
    return BASE_DIR / text(name) if text(name) else None


def database(default):
    """Django's DATABASES entry for DATABASE_URL, or for `default` when it is empty."""
    return _env.db_url_config(text("DATABASE_URL") or default)
