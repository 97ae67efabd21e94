"""Django's settings, all from the environment (`webui/env.py` holds the table). Nonsense is refused at start."""

import re
import shlex
from datetime import timedelta
from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from kombu import Queue

from webui import env, secrets

BASE_DIR = env.BASE_DIR
DATA_DIR = env.directory("FREEZEFRAME_DATA_DIR")
DEBUG = env.switch("FREEZEFRAME_DEBUG")
HTTPS = env.switch("FREEZEFRAME_HTTPS")
ALLOWED_HOSTS = env.names("FREEZEFRAME_ALLOWED_HOSTS")
SECRET_KEY = env.text("FREEZEFRAME_SECRET_KEY") or secrets.secret_key(DATA_DIR)

# What Freezeframe itself needs to know.
STORE_DIR = env.directory("FREEZEFRAME_STORE_DIR", default=DATA_DIR / "archives")
SPOOL_DIR = env.directory("FREEZEFRAME_SPOOL_DIR", default=DATA_DIR / "spool")
SPOOL_BYTES = env.number("FREEZEFRAME_SPOOL_GIB") * 1024**3
IMPORT_FROM = [Path(folder) for folder in env.names("FREEZEFRAME_IMPORT_FROM")]
if not all(folder.is_absolute() for folder in IMPORT_FROM):
    raise ImproperlyConfigured("FREEZEFRAME_IMPORT_FROM must name folders with their whole paths.")
IMPORT_BYTES = env.number("FREEZEFRAME_IMPORT_GIB") * 1024**3
REDIS_SOCKET = DATA_DIR / "run" / "redis.sock"
REDIS_URL = env.text("FREEZEFRAME_REDIS_URL") or f"unix://{REDIS_SOCKET}"
WEB_USER = env.text("FREEZEFRAME_WEB_USER")
HOST_NAME = env.text("FREEZEFRAME_HOST")
if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", HOST_NAME):
    raise ImproperlyConfigured("FREEZEFRAME_HOST must be lower-case letters, digits and hyphens, 63 at the most.")
PODMAN = shlex.split(env.text("FREEZEFRAME_PODMAN"))
OCI_RUNTIME = env.text("FREEZEFRAME_OCI_RUNTIME")
TOOLS_DIR = env.text("FREEZEFRAME_TOOLS_DIR")
CONCURRENCY = env.number("FREEZEFRAME_CONCURRENCY")
AUDIT_KEY_FILE = env.file("FREEZEFRAME_AUDIT_KEY_FILE") or DATA_DIR / "audit_key"
AUDIT_HEADS_FILE = env.file("FREEZEFRAME_AUDIT_HEADS_FILE")
DUMP_SECONDS = env.number("FREEZEFRAME_DUMP_SECONDS")
SELFTEST_HOURS = env.number("FREEZEFRAME_SELFTEST_HOURS", least=0)
CRIU_CONFIG = env.file("FREEZEFRAME_CRIU_CONFIG")
REGISTRIES = env.names("FREEZEFRAME_REGISTRIES")
AUDIT_HEADS_TO = env.names("FREEZEFRAME_AUDIT_HEADS_TO")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_include_bootstrap",
    "django_htmx",
    "template_partials",
    "lucide",
    "csp",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "containers_app.apps.ContainersAppConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",  # outside of static files: they have the policy as well
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "containers_app.htmx.request_id_middleware",
    "containers_app.api.middleware.api_middleware",  # outside of what reads a session
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "containers_app.htmx.harmless_middleware",  # inside of what measures a page's length
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "containers_app.signins.session_middleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "containers_app.signins.second_factor_middleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "containers_app.htmx.error_middleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "webui.urls"
ASGI_APPLICATION = "webui.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "containers_app.queries.frame",
            ],
            "builtins": ["lucide.templatetags.lucide", "containers_app.templatetags.freezeframe"],
        },
    }
]

DATABASES = {"default": env.database(default=f"sqlite:///{DATA_DIR / 'db' / 'freezeframe.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Web, agent, watcher and beat write to one file: writers queue for the lock at BEGIN instead of failing at COMMIT.
    (DATA_DIR / "db").mkdir(mode=0o700, parents=True, exist_ok=True)
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

PASSWORD_LENGTH = 12
LOCKOUT_MINUTES = env.number("FREEZEFRAME_LOCKOUT_MINUTES")
SESSION_HOURS = env.number("FREEZEFRAME_SESSION_HOURS")
IDLE_MINUTES = env.number("FREEZEFRAME_IDLE_MINUTES")
PROXIES = env.names("FREEZEFRAME_PROXIES")
PROVE_MINUTES = env.number("FREEZEFRAME_PROVE_MINUTES", least=0)
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "CommonPasswordValidator")
] + [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": PASSWORD_LENGTH},
    },
    {"NAME": "containers_app.passwords.EasyPasswordValidator"},
]
PASSWORD_RESET_TIMEOUT = 24 * 3600  # seconds that an administrator's link to a new password is good for

# Whoever guesses passwords waits: per name and address, so that nobody can lock a person out from elsewhere.
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AXES_FAILURE_LIMIT = env.number("FREEZEFRAME_LOCKOUT_FAILURES")
AXES_COOLOFF_TIME = timedelta(minutes=LOCKOUT_MINUTES)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "containers_app.htmx.address_of"
AXES_LOCKOUT_CALLABLE = "containers_app.views.account.locked_out"
AXES_DISABLE_ACCESS_LOG = True  # the audit history has it
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
# The second factor (services/second_factor.py): codes of 30 seconds, each good once; after a wrong one the next has to
# wait for 1, 2, 4 … seconds, wherever it comes from.
SECOND_FACTOR = env.choice("FREEZEFRAME_SECOND_FACTOR", "optional", "administrators", "everyone")
OTP_TOTP_ISSUER = "Freezeframe"
OTP_TOTP_THROTTLE_FACTOR = 1
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "container_list"
LOGOUT_REDIRECT_URL = "sign_in"

LANGUAGE_CODE = "en"
USE_I18N = False
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# Nothing inline, nothing from elsewhere: every script and style is one of our static files.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],  # Bootstrap's own form controls draw their marks from data: images.
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = SESSION_HOURS * 3600
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    # A browser takes these names from this very host alone, over HTTPS, for every path of it.
    SESSION_COOKIE_NAME = "__Host-sessionid"
    CSRF_COOKIE_NAME = "__Host-csrftoken"

# Celery carries the id of an operation and nothing else; the database row is the truth (ARCHITECTURE.md, "Operations").
CELERY = {
    "broker_url": REDIS_URL.replace("unix://", "redis+socket://", 1),
    "result_backend": None,
    "task_ignore_result": True,
    "task_serializer": "json",
    "accept_content": ["json"],
    # At least once: a task whose worker died is delivered again, and the claim makes the second delivery do nothing.
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "worker_prefetch_multiplier": 1,
    # A message is delivered again after this many seconds although the first run goes on: above every hard limit.
    "broker_transport_options": {"visibility_timeout": 6 * 3600, "socket_connect_timeout": 2},
    "broker_connection_retry_on_startup": True,
    "worker_hijack_root_logger": False,
    "worker_send_task_events": False,
    "worker_pool": "threads",
    "worker_concurrency": CONCURRENCY,
    "task_queues": [Queue(f"host.{HOST_NAME}")],
    "task_default_queue": f"host.{HOST_NAME}",
    "beat_schedule": {
        "measure_host": {"task": "containers_app.tasks.measure_host", "schedule": 600, "options": {"expires": 600}},
    },
    "beat_schedule_filename": str(DATA_DIR / "agent" / "beat-schedule"),
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "containers_app.harmless.LineFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.text("FREEZEFRAME_LOG_LEVEL").upper()},
    "loggers": {"celery.worker.strategy": {"level": "WARNING"}, "celery.beat": {"level": "WARNING"}},
}
