"""Logs are events with fields, one JSON object per line (or readable text on a terminal)."""

import logging
import logging.config
import sys
from typing import Any

import structlog


class _AskedForAnotherHost(logging.Filter):
    """Anybody on the network may name another host: a warning and no traceback, for no fault of ours is shown by it."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.levelno, record.levelname, record.exc_info = logging.WARNING, "WARNING", None
        return True


class _LeftEarly(logging.Filter):
    """Who leaves before his socket stands is no error of the application that had nothing to say to him."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "without completing handshake" not in record.getMessage()


def configure(wanted: dict[str, Any]) -> None:
    """Set up structlog and the standard library's loggers; `wanted` is settings.LOGGING with its `level`."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: Any = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=wanted["level"], force=True)
    # uvicorn logs the addresses of sockets with their query, where somebody may have put a token
    for noisy in ("daphne", "uvicorn", "celery", "kombu", "amqp", "django.request", "twisted"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLogger().level))
    logging.getLogger("django.security.DisallowedHost").addFilter(_AskedForAnotherHost())
    logging.getLogger("uvicorn.error").addFilter(_LeftEarly())
