"""The one settings file. Environment variables alone decide the lane:

embedded (nothing set): SQLite, in-memory channel layer and Celery broker, everything in one process;
production: `DATABASE_URL` (PostgreSQL) and `REDIS_URL`, gateway, worker and beat as processes of their own.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import environ
from csp.constants import NONE, SELF

from eagateway import env

BASE_DIR: Final = Path(__file__).resolve().parent.parent
DATA_DIR: Final = Path(env.text("EAGATEWAY_DATA_DIR", default=str(BASE_DIR / "data")))
DATABASE_URL: Final = env.text("DATABASE_URL", default="")
REDIS_URL: Final = env.text("REDIS_URL", default="")
EMBEDDED: Final = not DATABASE_URL

DEBUG = env.flag("DEBUG", default=False)
if EMBEDDED:
    SECRET_KEY = env.text("SECRET_KEY", default="") or env.stored_secret(DATA_DIR / "secret.key")
else:
    SECRET_KEY = env.required("SECRET_KEY", example="<50 random characters>")
KEY_FINGERPRINT_SECRET: Final = env.text("KEY_FINGERPRINT_SECRET", default="") or SECRET_KEY
ALLOWED_HOSTS = env.names("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.names("CSRF_TRUSTED_ORIGINS", default=[])
TRUSTED_PROXIES = env.names("TRUSTED_PROXIES", default=[])
BEHIND_TLS: Final = env.flag("BEHIND_TLS", default=not EMBEDDED)
PUBLIC_URL: Final = env.text("PUBLIC_URL", default="")

INSTALLED_APPS = [
    "daphne",
    "eagateway.apps.EaGatewayConfig",
    "backoffice.apps.BackofficeConfig",
    "orders.apps.OrdersConfig",
    "sessions_app.apps.SessionsConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.staticfiles",
    "django_htmx",
    "channels",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]
MIDDLEWARE = [
    "sessions_app.api.everywhere.problems_everywhere",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "eagateway.urls"
ASGI_APPLICATION = "eagateway.asgi.application"
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
            ]
        },
    }
]

# Databases --------------------------------------------------------------------------------------------------


def _database() -> dict[str, Any]:
    if EMBEDDED:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": DATA_DIR / "gateway.sqlite3",
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
            },
            "TEST": {"NAME": str(DATA_DIR / "test.sqlite3")},
        }
    parsed: dict[str, Any] = dict(environ.Env.db_url_config(DATABASE_URL))
    parsed["CONN_MAX_AGE"] = 0
    parsed["CONN_HEALTH_CHECKS"] = True
    parsed.setdefault("OPTIONS", {})["pool"] = {"min_size": 1, "max_size": 16, "timeout": 10}
    return parsed


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Channels, Celery: housekeeping and dashboards only; no order depends on them -------------------------------

CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_timeout": None}]},
    }
    if REDIS_URL
    else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
}
CELERY_BROKER_URL = env.text("CELERY_BROKER_URL", default="") or REDIS_URL or "memory://"
CELERY_BROKER_TRANSPORT_OPTIONS = {} if REDIS_URL else {"polling_interval": 0.05}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"

# The gateway ------------------------------------------------------------------------------------------------

GATEWAY: env.GatewaySettings = {
    "auth_methods": env.names("AUTH_METHODS", default=["account_session_key"]),
    "self_enrolment": env.flag("SELF_ENROLMENT", default=True),
    "heartbeat_interval": env.integer("HEARTBEAT_INTERVAL_SECONDS", default=5, least=1, most=60),
    "heartbeat_timeout": env.integer("HEARTBEAT_TIMEOUT_SECONDS", default=15, least=3, most=600),
    "pending_lifetime": timedelta(hours=env.integer("PENDING_LIFETIME_HOURS", default=24, least=1, most=720)),
    "pending_frames": env.integer("PENDING_STORED_FRAMES", default=500, least=1, most=10_000),
    "pending_rate_per_minute": env.integer("PENDING_FRAMES_PER_MINUTE", default=60, least=1, most=10_000),
    "frame_rate": env.integer("FRAMES_PER_SECOND", default=20, least=1, most=10_000),
    "frame_burst": env.integer("FRAME_BURST", default=50, least=1, most=100_000),
    "max_unacked_commands": env.integer("MAX_UNACKED_COMMANDS", default=200, least=1, most=10_000),
    "resend_page": 200,
    "init_requests_per_hour": env.integer("INIT_REQUESTS_PER_HOUR", default=20, least=1, most=10_000),
    "poison_tries_per_minute": env.integer("POISON_TRIES_PER_MINUTE", default=15, least=1, most=10_000),
    "unknown_keys_per_minute": env.integer("UNKNOWN_KEYS_PER_MINUTE", default=60, least=1, most=10_000),
    "rest_per_address": env.integer("REST_PER_ADDRESS_PER_MINUTE", default=3000, least=1, most=1_000_000),
    "rest_per_session": env.integer("REST_PER_SESSION_PER_MINUTE", default=300, least=1, most=1_000_000),
    "hello_timeout": 5,
    "sweep_seconds": 1,
}
ALLOWED_SOCKET_ORIGINS = env.names("ALLOWED_SOCKET_ORIGINS", default=[])

# Passwords, sessions, pages ---------------------------------------------------------------------------------

PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "admin:login"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = BEHIND_TLS
CSRF_COOKIE_SECURE = BEHIND_TLS
SECURE_SSL_REDIRECT = BEHIND_TLS and env.flag("SSL_REDIRECT", default=True)
SECURE_HSTS_SECONDS = 31_536_000 if BEHIND_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = BEHIND_TLS
SECURE_HSTS_PRELOAD = BEHIND_TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_TLS else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [SELF],
        "frame-ancestors": [NONE],
    }
}
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "backoffice" / "assets"]
WHITENOISE_USE_FINDERS = EMBEDDED
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "sessions_app.api.view.Schema",
    "EXCEPTION_HANDLER": "sessions_app.api.problem_response",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "EA gateway",
    "DESCRIPTION": "Sessions of Expert Advisors. The event socket is described in docs/asyncapi.yaml.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}
LOGGING_CONFIG = "eagateway.logs.configure"
LOGGING = {"level": env.text("LOG_LEVEL", default="INFO").upper()}
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024
