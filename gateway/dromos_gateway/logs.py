# SPDX-License-Identifier: Apache-2.0
"""Logging: lines for people on a terminal, JSON for everything else. Never patient data, never secrets.

Messages are constant, so that they can be counted and searched for; what varies is in fields (`extra`). Of an exception
its type and its place in the code are told, never its words: whoever raised it may have quoted what it was about.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from datetime import UTC, datetime
from pathlib import PurePath
from types import TracebackType

from dromos_crds import librarywarnings
from dromos_crds.tracebacks import where

log = logging.getLogger(__name__)

_Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
_OURS = ("dromos_gateway", "dromos_crds", "dromos", "__main__")
_CALLBACK = re.compile(r"^(Exception in callback)\b.*", re.DOTALL)
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def fields_of(record: logging.LogRecord) -> dict[str, object]:
    """What was given as `extra`."""
    return {name: value for name, value in vars(record).items() if name not in _OWN}


def message_of(record: logging.LogRecord) -> str:
    """Its message. Of a library's only what stands in its code: what it puts into that may be anything."""
    if record.name.partition(".")[0] in _OURS:
        return record.getMessage()
    if record.name == "asyncio":  # puts arguments of callbacks behind this, and words of exceptions into more lines
        return _CALLBACK.sub(r"\1", str(record.msg)).partition("\n")[0]
    return str(record.msg).partition("\n")[0] if record.args else f"a library says something at {_place(record)}"


def _place(record: logging.LogRecord) -> str:
    return f"{'/'.join(PurePath(record.pathname).parts[-2:])}:{record.lineno}"


class JSONFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name.removeprefix("dromos_gateway."),
            "message": message_of(record),
            **fields_of(record),
        }
        if record.exc_info and record.exc_info[1] is not None:
            entry["exception"] = where(record.exc_info[1])
        return json.dumps(entry, default=str)


class PlainFormatter(logging.Formatter):
    """A line for a person: the message, then its fields."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """With the fields behind it."""
        fields = " ".join(f"{name}={_printable(str(value))}" for name, value in fields_of(record).items())
        record.message = message_of(record)
        return f"{super().formatMessage(record)}  {fields}".rstrip()

    def formatException(self, ei: _Raised) -> str:  # noqa: N802 - likewise
        """Type and place."""
        return where(ei[1]) if ei[1] is not None else ""


def _ended(kind: type[BaseException], error: BaseException | None, place: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    log.critical("ended by a defect", exc_info=(kind, error or kind(), place))


def _ignored(raised: sys.UnraisableHookArgs) -> None:
    log.error("an exception that nobody could catch", exc_info=raised.exc_value)


def _printable(value: str) -> str:
    return value if value.isprintable() else repr(value)  # a peer's words must not move the cursor


def set_up() -> None:
    """Log to stderr, also what ends a process or a thread, and that a library warns."""
    handler = logging.StreamHandler(sys.stderr)
    if sys.stderr.isatty():
        handler.setFormatter(PlainFormatter())
    else:
        handler.setFormatter(JSONFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    sys.excepthook = _ended
    sys.unraisablehook = _ignored
    threading.excepthook = lambda raised: _ended(raised.exc_type, raised.exc_value, raised.exc_traceback)
    librarywarnings.to_log(log)
    for noisy in ("pynetdicom", "pydicom", "aiohttp.access"):  # a level of theirs would not last: imports set it anew
        logging.getLogger(noisy).addFilter(lambda record: record.levelno >= logging.ERROR)
