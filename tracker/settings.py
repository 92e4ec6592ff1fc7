"""Settings of the site, read from the environment once. See docs/operating.md for each variable."""

import contextlib
import hashlib
import secrets
from pathlib import Path

import environ
import plotly
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / "data"))).resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True)


def _secret_key() -> str:
    """The key kept in DATA_DIR, made on first use. Two processes may start at once: the first file wins."""
    path = DATA_DIR / "secret_key"
    if not path.exists():
        draft = DATA_DIR / f"secret_key.{secrets.token_hex(8)}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(50))
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
        draft.unlink()
    return path.read_text().strip()


SECRET_KEY = env.str("SECRET_KEY", default="") or _secret_key()
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
HTTPS = env.bool("HTTPS", default=BEHIND_PROXY)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
# What is true of this host need not be so of others below its name.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

# Where the site's addresses begin, such as "/cohort"; "" for the whole host.
PATH_PREFIX = "".join(f"/{part}" for part in env.str("PATH_PREFIX", default="").split("/") if part)
SECURE_REDIRECT_EXEMPT = [f"^({PATH_PREFIX[1:]}/)?(healthz|metrics)$"]  # asked from beside the proxy
FORCE_SCRIPT_NAME = PATH_PREFIX or None
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = PATH_PREFIX or "/"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "lucide",
    "tracker",
    "projects",
    "runs",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "tracker.security.content_security_policy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tracker.request_log.request_log",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "tracker.replica.ReadReplica",
]

ROOT_URLCONF = "tracker.urls"
WSGI_APPLICATION = "tracker.wsgi.application"
APPEND_SLASH = False

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
            ],
        },
    }
]

_POSTGRESQL = {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
_database = env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'cohort.sqlite3'}")
if _database["ENGINE"] == "django.db.backends.sqlite3":
    # IMMEDIATE: a transaction that reads before it writes takes the write lock at once, instead of failing
    # half-way when another process wrote in between.
    _database["OPTIONS"] = {
        "timeout": 30,
        "transaction_mode": "IMMEDIATE",
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
            "PRAGMA cache_size=-2048; PRAGMA temp_store=MEMORY;"
        ),
    }
    # A new connection reads the schema, and the last one that closes moves the log into the file.
    _database["CONN_MAX_AGE"] = 60
    # The file itself, so that tests in several processes see one another's writes.
    _database["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
else:
    _database |= _POSTGRESQL
DATABASES = {"default": _database}
# A copy that follows the database: pages are read from it. How far behind it may be decides how soon a person who has
# changed something reads from it again.
REPLICA_LAG_SECONDS = env.int("REPLICA_LAG_SECONDS", default=10)
if _replica := env.str("REPLICA_URL", default=""):
    if _database["ENGINE"] != env.db_url_config(_replica)["ENGINE"]:
        raise ImproperlyConfigured("REPLICA_URL is for a PostgreSQL at DATABASE_URL.")
    DATABASES["replica"] = env.db_url_config(_replica) | _POSTGRESQL | {"TEST": {"MIRROR": "default"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "projects.User"
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "project-list"
LOGOUT_REDIRECT_URL = "sign-in"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# Single sign-on (tracker.sso): nothing of it is loaded without a client id. What a provider says of people is kept
# under its issuer, so that another provider's person with the same id is somebody else.
SSO_CLIENT_ID = env.str("SSO_CLIENT_ID", default="")
SSO_NAME = env.str("SSO_NAME", default="single sign-on")
SSO_EMAIL_DOMAINS = env.list("SSO_EMAIL_DOMAINS", default=[])
if SSO_CLIENT_ID:
    SSO_PROVIDER = env.str("SSO_PROVIDER", default="openid_connect")
    _issuer = env.str("SSO_ISSUER", default="").rstrip("/")
    SSO_APP = f"oidc-{hashlib.sha256(_issuer.encode()).hexdigest()[:16]}"
    INSTALLED_APPS += [
        "allauth",
        "allauth.account",
        "allauth.socialaccount",
        f"allauth.socialaccount.providers.{SSO_PROVIDER}",
    ]
    MIDDLEWARE.insert(-1, "allauth.account.middleware.AccountMiddleware")
    SOCIALACCOUNT_ADAPTER = "tracker.sso.Adapter"
    SOCIALACCOUNT_QUERY_EMAIL = bool(SSO_EMAIL_DOMAINS)
    SOCIALACCOUNT_LOGIN_ON_GET = True  # a form that led to another site is stopped by the Content-Security-Policy
    _app = {"client_id": SSO_CLIENT_ID, "secret": env.str("SSO_CLIENT_SECRET", default=""), "name": SSO_NAME}
    _app_settings = env.json("SSO_SETTINGS", default={})
    if SSO_PROVIDER == "openid_connect":
        _app["provider_id"] = SSO_APP
        _app_settings = {"server_url": _issuer, "oauth_pkce_enabled": True} | _app_settings
    SOCIALACCOUNT_PROVIDERS = {
        SSO_PROVIDER: {"OAUTH_PKCE_ENABLED": True, "APPS": [{**_app, "settings": _app_settings}]}
    }

SESSION_COOKIE_AGE = 60 * 60 * 24 * 60
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "tracker.api.auth.ApiKeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_SCHEMA_CLASS": "tracker.api.openapi.Schema",
    # How many addresses before the last of X-Forwarded-For are to be believed.
    "NUM_PROXIES": int(BEHIND_PROXY),
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Cohort",
    "DESCRIPTION": "Projects, runs and groups of runs in numbers, read-only.",
    "VERSION": "1",
    "POSTPROCESSING_HOOKS": ["tracker.api.openapi.parameters_once"],
    "PREPROCESSING_HOOKS": ["tracker.api.openapi.of_the_api"],
    "SORT_OPERATION_PARAMETERS": False,
    "SORT_OPERATIONS": False,
}

# How many requests of the REST API each server process answers a person (without a key or session: an address) in a
# second, minute, hour or day, such as "1200/minute"; "" for any number.
API_RATE = env.str("API_RATE", default="1200/minute")
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "api-rate": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "api-rate",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    },
}

LANGUAGE_CODE = "en-us"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = f"{PATH_PREFIX}/static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(BASE_DIR / "staticfiles")))
STATICFILES_DIRS = [BASE_DIR / "static", ("plotly", str(Path(plotly.__file__).parent / "package_data"))]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": DATA_DIR / "files"}},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage" if DEBUG else "tracker.static.StaticStorage"
    },
}

# One wandb request is at most about 10 MiB (one line up to 9.9 MiB); uploads are streamed and not counted here.
DATA_UPLOAD_MAX_MEMORY_SIZE = 32 * 1024 * 1024

# Bytes of one file that a client may store; 0 for any number.
MAX_UPLOAD_BYTES = env.int("MAX_UPLOAD_BYTES", default=0)

# A running run without a sign of life for this long counts as crashed. The client backs off up to 60 s between
# tries and waits up to 180 s for an answer.
CRASHED_AFTER_SECONDS = env.int("CRASHED_AFTER_SECONDS", default=300)

# Who sends it as a bearer token may read /metrics, as staff may.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {
            "()": "tracker.logs.TextFormatter",
            "format": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        },
        "json": {"()": "tracker.logs.JsonFormatter"},
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": env.str("LOG_FORMAT", default="text")},
    },
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    # 4xx are the asker's: every client probes for telemetry at its start and is told 404.
    "loggers": {"django.request": {"level": "ERROR"}, "django.server": {"level": "WARNING"}},
}
