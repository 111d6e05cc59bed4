# SPDX-License-Identifier: Apache-2.0
"""Logging: lines for people on a terminal, JSON for everything else. Never patient data, never secrets.

Messages are constant, so that they can be counted and searched for; what varies is in fields (`extra`).
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def fields_of(record: logging.LogRecord) -> dict[str, object]:
    """What was given as `extra`."""
    return {name: value for name, value in vars(record).items() if name not in _OWN}


class JSONFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name.removeprefix("dromos_gateway."),
            "message": record.getMessage(),
            **fields_of(record),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


class PlainFormatter(logging.Formatter):
    """A line for a person: the message, then its fields."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """With the fields behind it."""
        fields = " ".join(f"{name}={_printable(str(value))}" for name, value in fields_of(record).items())
        return f"{super().formatMessage(record)}  {fields}".rstrip()


def _printable(value: str) -> str:
    return value if value.isprintable() else repr(value)  # a peer's words must not move the cursor


def set_up() -> None:
    """Log to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    if sys.stderr.isatty():
        handler.setFormatter(PlainFormatter())
    else:
        handler.setFormatter(JSONFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for noisy in ("pynetdicom", "pydicom", "aiohttp.access"):
        logging.getLogger(noisy).setLevel(logging.ERROR)  # they may log attributes of data sets
