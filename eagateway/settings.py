"""The one settings file. Environment variables alone decide the lane:

embedded (nothing set): SQLite, in-memory channel layer and Celery broker, everything in one process;
production: `DATABASE_URL` (PostgreSQL) and `REDIS_URL`, gateway, worker and beat as processes of their own.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import environ
from csp.constants import NONE, SELF

from eagateway import connections, env

BASE_DIR: Final = Path(__file__).resolve().parent.parent
DATABASE_URL: Final = env.text("DATABASE_URL", default="")
DATA_DIR: Final = env.folder("EAGATEWAY_DATA_DIR", default=BASE_DIR / "data", written=not DATABASE_URL)
DATABASE_POOLER: Final = env.flag("DATABASE_POOLER", default=False)
REDIS_URL: Final = env.text("REDIS_URL", default="")
EMBEDDED: Final = not DATABASE_URL

DEBUG = env.flag("DEBUG", default=False)
if EMBEDDED:
    env.private_folder(DATA_DIR)
    SECRET_KEY = env.text("SECRET_KEY", default="") or env.stored_secret(DATA_DIR / "secret.key")
else:
    SECRET_KEY = env.required("SECRET_KEY", example="<what manage.py secret prints>")
SECRET_KEY = env.secret("SECRET_KEY", SECRET_KEY)
KEY_FINGERPRINT_SECRET: Final = env.secret(
    "KEY_FINGERPRINT_SECRET", env.text("KEY_FINGERPRINT_SECRET", default="") or SECRET_KEY
)
# Keys that encrypt secrets at rest (sessions_app/vault), by version. None is derived from SECRET_KEY: who changes that
# one would lose every secret with it.
VAULT_KEYS: Final = env.vault_keys(
    "VAULT_KEYS",
    env.text("VAULT_KEYS", default="") or (env.stored_vault_key(DATA_DIR / "vault.keys") if EMBEDDED else ""),
)
ALLOWED_HOSTS = env.names("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.names("CSRF_TRUSTED_ORIGINS", default=[])
TRUSTED_PROXIES = env.names("TRUSTED_PROXIES", default=[])
BEHIND_TLS: Final = env.flag("BEHIND_TLS", default=not EMBEDDED)
PUBLIC_URL: Final = env.text("PUBLIC_URL", default="")

INSTALLED_APPS = [
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
    "oauth2_provider",
]
MIDDLEWARE = [
    "sessions_app.rest.problem_middleware.problems_everywhere",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "backoffice.own_clock.OwnClock",
    "backoffice.own_language.OwnLanguage",
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
            "builtins": ["backoffice.foreign"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# Databases --------------------------------------------------------------------------------------------------


def _database() -> dict[str, Any]:
    if EMBEDDED:
        return {
            "ENGINE": "eagateway.sqlite",
            "NAME": DATA_DIR / "gateway.sqlite3",
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                # eagateway/sqlite/checkpoints.py copies the WAL beside the writer; a COMMIT does it only from 32 MB on.
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
                "PRAGMA wal_autocheckpoint=8000;",
            },
            "TEST": {"NAME": str(DATA_DIR / "test.sqlite3")},
        }
    parsed: dict[str, Any] = dict(environ.Env.db_url_config(env.postgres_url("DATABASE_URL", DATABASE_URL)))
    parsed["CONN_MAX_AGE"] = 0
    parsed["CONN_HEALTH_CHECKS"] = True
    parsed["DISABLE_SERVER_SIDE_CURSORS"] = DATABASE_POOLER
    # The statements of the hot path ask to be prepared (sessions_app/models/statements.py), on connections that allow
    # it. Behind a pooler that gives each transaction another server none may be.
    parsed["OPTIONS"] = {
        **connections.REACHING,
        **({} if DATABASE_POOLER else connections.BOUNDS),
        **parsed.get("OPTIONS", {}),
        "pool": {"min_size": 1, "max_size": 16, "timeout": 10, **connections.COMING_BACK},
        "prepare_threshold": None if DATABASE_POOLER else 5,
    }
    return parsed


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# What the gateway processes of one deployment tell each other: two deployments may share a Redis
DOORBELL_CHANNEL: Final = env.text("DOORBELL_CHANNEL", default="") or env.channel_of("eagateway.doorbell", DATABASES)

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
CELERY_BROKER_TRANSPORT_OPTIONS = {} if REDIS_URL else {"polling_interval": 0.2}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULER = "eagateway.schedulers:InFile"
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"

# The gateway ------------------------------------------------------------------------------------------------

GATEWAY: env.GatewaySettings = {
    "auth_methods": env.names("AUTH_METHODS", default=["account_session_key"]),
    "token_requests_per_minute": env.integer("TOKEN_REQUESTS_PER_MINUTE", default=60, least=1, most=100_000),
    "self_enrolment": env.switch("SELF_ENROLMENT"),
    "heartbeat_interval": env.number("HEARTBEAT_INTERVAL_SECONDS"),
    "heartbeat_timeout": env.number("HEARTBEAT_TIMEOUT_SECONDS"),
    "pending_lifetime": timedelta(hours=env.integer("PENDING_LIFETIME_HOURS", default=24, least=1, most=720)),
    "pending_retention": timedelta(days=env.integer("PENDING_RETENTION_DAYS", default=30, least=0, most=3650)),
    "history_retention": timedelta(days=env.integer("HISTORY_RETENTION_DAYS", default=0, least=0, most=36_500)),
    "pending_frames": env.integer("PENDING_STORED_FRAMES", default=500, least=1, most=10_000),
    "pending_frames_per_key": env.integer("PENDING_STORED_FRAMES_PER_KEY", default=1000, least=1, most=100_000),
    "pending_rate_per_minute": env.integer("PENDING_FRAMES_PER_MINUTE", default=60, least=1, most=10_000),
    "pending_sessions_per_minute": env.integer("PENDING_SESSIONS_PER_MINUTE", default=5, least=1, most=10_000),
    "frame_rate": env.integer("FRAMES_PER_SECOND", default=20, least=1, most=10_000),
    "frame_burst": env.integer("FRAME_BURST", default=50, least=1, most=100_000),
    "max_unacked_commands": env.integer("MAX_UNACKED_COMMANDS", default=200, least=1, most=10_000),
    "resend_page": 200,
    "hellos_per_minute": env.integer("HELLOS_PER_MINUTE", default=600, least=1, most=10_000),
    "flood_frames_per_minute": env.integer("FLOOD_FRAMES_PER_MINUTE", default=500, least=1, most=100_000),
    "report_burst": env.integer("REPORT_BURST", default=1000, least=1, most=100_000),
    "send_queue_kib": env.integer("SEND_QUEUE_KIB", default=1024, least=64, most=65_536),
    "slow_reader_seconds": env.integer("SLOW_READER_SECONDS", default=20, least=1, most=600),
    "busy_seconds": env.integer("BUSY_SECONDS", default=120, least=0, most=3600),
    "mass_silence_percent": env.integer("MASS_SILENCE_PERCENT", default=30, least=1, most=100),
    "mass_silence_sessions": env.integer("MASS_SILENCE_SESSIONS", default=20, least=1, most=100_000),
    "sessions_per_minute": env.integer("SESSIONS_PER_MINUTE", default=60, least=1, most=10_000),
    "init_requests_per_hour": env.integer("INIT_REQUESTS_PER_HOUR", default=20, least=1, most=10_000),
    "poison_tries_per_minute": env.integer("POISON_TRIES_PER_MINUTE", default=15, least=1, most=10_000),
    "unknown_keys_per_minute": env.integer("UNKNOWN_KEYS_PER_MINUTE", default=60, least=1, most=10_000),
    "request_seconds": env.integer("REQUEST_SECONDS", default=10, least=1, most=300),
    "keep_alive_seconds": env.integer("KEEP_ALIVE_SECONDS", default=15, least=1, most=600),
    "connections_per_address": env.integer("CONNECTIONS_PER_ADDRESS", default=600, least=1, most=100_000),
    "sign_ins_per_address": env.integer("SIGN_IN_TRIES_PER_ADDRESS", default=20, least=1, most=10_000),
    "sign_ins_per_name": env.integer("SIGN_IN_TRIES_PER_NAME", default=10, least=1, most=10_000),
    "staff_second_factor": env.flag("STAFF_SECOND_FACTOR", default=False),
    "passkeys_domain": env.text("PASSKEYS_DOMAIN", default=""),
    "rest_per_address": env.integer("REST_PER_ADDRESS_PER_MINUTE", default=3000, least=1, most=1_000_000),
    "rest_per_session": env.integer("REST_PER_SESSION_PER_MINUTE", default=300, least=1, most=1_000_000),
    "management_per_token": env.integer("MANAGEMENT_PER_TOKEN_PER_MINUTE", default=300, least=1, most=1_000_000),
    "tenants_enrol": env.flag("TENANTS_ENROL", default=False),
    "snapshot_interval": timedelta(seconds=env.number("SNAPSHOT_INTERVAL_SECONDS")),
    "in_doubt": timedelta(seconds=env.integer("IN_DOUBT_SECONDS", default=60, least=1, most=3600)),
    "max_leverage": env.integer("MAX_LEVERAGE", default=30, least=0, most=100_000),
    "ea_guards": env.guards("EA_GUARDS"),
    "mass_close_gate": env.number("MASS_CLOSE_GATE"),
    "repair_gate_percent": env.number("REPAIR_GATE_PERCENT"),
    "hello_timeout": 5,
    "sweep_seconds": 1,
}
# The ways to authenticate that this build has: adding one takes its class and its line here, or its dotted path in
# AUTH_STRATEGIES. AUTH_METHODS switches them on by name.
AUTH_STRATEGIES = [
    "sessions_app.auth.account_session_key.AccountSessionKey",
    "sessions_app.auth.bearer_token.BearerToken",
    "sessions_app.auth.oauth_client_credentials.OauthClientCredentials",
    *env.names("AUTH_STRATEGIES", default=[]),
]
BEARER_TOKEN: env.BearerTokenSettings = {
    "issuer": env.text("BEARER_TOKEN_ISSUER", default=""),
    "audience": env.text("BEARER_TOKEN_AUDIENCE", default=""),
    "algorithms": env.names("BEARER_TOKEN_ALGORITHMS", default=["RS256", "ES256"]),
    "public_key": env.text("BEARER_TOKEN_PUBLIC_KEY", default=""),
    "jwks": env.text("BEARER_TOKEN_JWKS", default=""),
    "secret": env.text("BEARER_TOKEN_SECRET", default=""),
    "tenant": env.text("BEARER_TOKEN_TENANT", default=""),
    "leeway": env.integer("BEARER_TOKEN_LEEWAY_SECONDS", default=10, least=0, most=120),
}
OAUTH: env.OauthSettings = {
    "introspection_url": env.text("OAUTH_INTROSPECTION_URL", default=""),
    "introspection_client_id": env.text("OAUTH_INTROSPECTION_CLIENT_ID", default=""),
    "introspection_client_secret": env.text("OAUTH_INTROSPECTION_CLIENT_SECRET", default=""),
    "introspection_audience": env.text("OAUTH_INTROSPECTION_AUDIENCE", default=""),
    "introspection_timeout": env.integer("OAUTH_INTROSPECTION_TIMEOUT_SECONDS", default=5, least=1, most=30),
    "introspection_cache": env.integer("OAUTH_INTROSPECTION_CACHE_SECONDS", default=30, least=0, most=600),
}
OAUTH2_PROVIDER_APPLICATION_MODEL = "oauth2_provider.Application"
OAUTH2_PROVIDER = {
    # Client credentials are all that this server speaks: no other grant, no refresh token, no OpenID.
    "OAUTH2_SERVER_CLASS": "oauthlib.oauth2.BackendApplicationServer",
    "OAUTH2_VALIDATOR_CLASS": "sessions_app.auth.client_validator.ClientValidator",
    "SCOPES": {"sessions": "Open sessions of the accounts that the client was granted"},
    "DEFAULT_SCOPES": ["sessions"],
    "ACCESS_TOKEN_EXPIRE_SECONDS": env.integer("OAUTH_TOKEN_LIFETIME_SECONDS", default=3600, least=60, most=86_400),
    "ACCESS_TOKEN_GENERATOR": "sessions_app.auth.secret_hashing.new_access_token",
    "CLIENT_SECRET_HASHER": "sha256_random_secret",
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"],
}
ALLOWED_SOCKET_ORIGINS = env.names("ALLOWED_SOCKET_ORIGINS", default=[])

# Passwords, sessions, pages ---------------------------------------------------------------------------------

PASSWORD_HASHERS = [
    "sessions_app.auth.password_hashing.PooledPasswordHasher",
    "sessions_app.auth.secret_hashing.RandomSecretHasher",  # for the secrets of OAuth clients, never for a person's
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
SESSION_ENGINE = "sessions_app.auth.browser_sessions"
LOGIN_URL = "sign_in"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = BEHIND_TLS
CSRF_COOKIE_SECURE = BEHIND_TLS
CSRF_FAILURE_VIEW = "backoffice.refusals.stale_form"
SECURE_SSL_REDIRECT = BEHIND_TLS and env.flag("SSL_REDIRECT", default=True)
SECURE_HSTS_SECONDS = 31_536_000 if BEHIND_TLS else 0
# Neighbours under the same domain are not ours to promise for, and a browser's preload list forgets nobody
SECURE_HSTS_INCLUDE_SUBDOMAINS = BEHIND_TLS and env.flag("HSTS_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = BEHIND_TLS and env.flag("HSTS_PRELOAD", default=False)
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
# Mail to people: password resets, invitations. Without EMAIL_URL it is printed where the gateway's log goes
vars().update(env.mail("EMAIL_URL", env.text("EMAIL_URL", default="") or "consolemail://"))
DEFAULT_FROM_EMAIL = env.text("MAIL_FROM", default="") or "EA Gateway <gateway@localhost>"
PASSWORD_RESET_TIMEOUT = 3600
TIME_ZONE = "UTC"
USE_TZ = True
# Pages and mails are in the language of whoever reads them. What nobody in particular reads (programs, logs, history)
# is in English, whatever language the deployment prefers.
LANGUAGE_CODE = "en-gb"
LANGUAGES = [("en-gb", "English"), ("de", "Deutsch")]
PEOPLES_LANGUAGE: Final = env.choice("LANGUAGE_CODE", dict(LANGUAGES), default=LANGUAGE_CODE)
USE_I18N = True
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "eagateway.formats"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "sessions_app.rest.view.Schema",
    "EXCEPTION_HANDLER": "sessions_app.api.problem_response",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.0",
    "TITLE": "EA gateway",
    "DESCRIPTION": "Sessions of Expert Advisors. The event socket: asyncapi.json; every frame: schemas/frames.json.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}
LOGGING_CONFIG = "eagateway.logs.configure"
LOGGING = {"level": env.text("LOG_LEVEL", default="INFO").upper()}
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024
