# SPDX-License-Identifier: Apache-2.0
"""Logs: one JSON object a line, with constant messages and fields; plain lines on a terminal.

Of an exception its type and its place in the code are told, never its words: it may have quoted a Secret.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from dromos_crds import librarywarnings
from dromos_crds.tracebacks import where

FIELDS = ("kind", "namespace", "object", "pod", "generation", "reason", "code", "secret", "key", "type", "place")


class JSONFormatter(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, logger, message, then the fields that are there."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {field: getattr(record, field) for field in FIELDS if hasattr(record, field)}
        if record.exc_info:
            line["exception"] = where(record.exc_info[1]) if record.exc_info[1] is not None else ""
        return json.dumps(line, default=str)


class PlainFormatter(logging.Formatter):
    """A record for a person."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, message and fields."""
        fields = " ".join(f"{field}={getattr(record, field)}" for field in FIELDS if hasattr(record, field))
        text = f"{self.formatTime(record, '%H:%M:%S')} {record.levelname.lower():<7} {record.getMessage()}  {fields}"
        error = record.exc_info[1] if record.exc_info else None
        return text.rstrip() if error is None else f"{text.rstrip()}\n{where(error)}"


def _ignored(raised: sys.UnraisableHookArgs) -> None:
    logging.getLogger(__name__).error("an exception that nobody could catch", exc_info=raised.exc_value)


def configure(level: str) -> None:
    """Log to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainFormatter() if sys.stderr.isatty() else JSONFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    sys.unraisablehook = _ignored
    librarywarnings.to_log(logging.getLogger(__name__))
    # below these, kopf and its parts log whole bodies of objects, Secrets among them
    for noisy in ("kopf", "aiohttp", "asyncio", "kubernetes"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
