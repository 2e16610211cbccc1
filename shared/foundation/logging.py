"""Structured logs, one JSON object a line, each with the correlation id of the request or job behind it."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from shared.foundation.ids import new_id
from shared.foundation.settings import LogSettings
from shared.foundation.urls import redact

_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)  # to the next space: a quote may be part of a secret
_SAFE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def redact_urls(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Strip credentials and queries from every address in a log entry, tracebacks included."""
    for key, value in event.items():
        event[key] = _redacted(value)
    return event


def _redacted(value: object) -> object:
    if isinstance(value, str):
        return _URL.sub(_shown, value) if "://" in value else value
    if isinstance(value, dict):
        return {key: _redacted(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(part) for part in value]
    return value


def _shown(match: re.Match[str]) -> str:
    address = match[0].rstrip("'\"`,.;:)]}>")  # what closes the text around it
    return redact(address) + match[0][len(address) :]


def configure_logging(settings: LogSettings, *, service: str) -> None:
    """Send structlog and the standard library's logs to stderr as JSON (or as text for people)."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact_urls,
    ]
    render: structlog.types.Processor = (
        structlog.processors.JSONRenderer() if settings.format == "json" else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.level]),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.level)
    for noisy in ("pymongo", "aiohttp", "asyncio", "httpx2", "httpcore2", "celery", "kombu", "uvicorn.access"):
        logging.getLogger(noisy).setLevel("WARNING")
    structlog.contextvars.bind_contextvars(service=service)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger; what `bind_correlation` bound is on each of its entries."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger


def bind_correlation(correlation_id: str | None, **fields: str) -> str:
    """Put the correlation id (a fresh one if None or not plain text) on every later log entry of this context."""
    usable = correlation_id if correlation_id and _SAFE_ID.fullmatch(correlation_id) else new_id()
    structlog.contextvars.bind_contextvars(correlation_id=usable, **fields)
    return usable
