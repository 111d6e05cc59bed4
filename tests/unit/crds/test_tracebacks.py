# SPDX-License-Identifier: Apache-2.0
"""Of an exception the log has where it was and what kind, and not a word of it."""

from __future__ import annotations

import json
import logging
import sys
import threading

import pytest

from dromos_crds.tracebacks import where
from dromos_gateway import logs as gateway_logs
from dromos_operator import logs as operator_logs


class Told(Exception):
    """Quotes what it was about."""


def _raise() -> None:
    planted = "Zq7"
    try:
        raise ValueError(f"{planted} first")
    except ValueError as error:
        raise Told(f"{planted} second") from error


def _hide() -> None:
    try:
        raise KeyError("Zq7")
    except KeyError:
        raise Told("Zq7") from None


def _record() -> logging.LogRecord:
    try:
        _raise()
    except Told:
        return logging.LogRecord("dromos_gateway.x", logging.ERROR, "x.py", 1, "it failed", (), sys.exc_info())
    raise AssertionError


@pytest.mark.parametrize(
    "formatter",
    [
        gateway_logs.JSONFormatter(),
        gateway_logs.PlainFormatter(),
        operator_logs.JSONFormatter(),
        operator_logs.PlainFormatter(),
    ],
)
def test_type_and_place_without_words(formatter: logging.Formatter) -> None:
    line = formatter.format(_record())
    assert "Zq7" not in line
    for said in ("it failed", "Told", "ValueError", "in _raise"):
        assert said in line


def test_a_chain_that_has_no_end_has_one() -> None:
    first, second = ValueError("Zq7"), KeyError("Zq7")
    first.__cause__, second.__cause__ = second, first
    assert where(first).count("ValueError") == 4


def test_a_cause_that_was_meant_to_be_hidden_is() -> None:
    with pytest.raises(Told) as raised:
        _hide()
    assert "KeyError" not in where(raised.value)


@pytest.mark.parametrize(
    ("library", "message", "arguments", "told"),
    [
        ("asyncio", "Task exception was never retrieved\nfuture: <Task exception=ValueError('Zq7')>", (), "Task exception was never retrieved"),
        ("asyncio", "Exception in callback partial(<function>, 'Zq7')(b'Zq7')\nhandle: <Handle>", (), "Exception in callback"),
        ("aiohttp.internal", "Can not load cookies: Illegal cookie name %r", ("Zq7",), "Can not load cookies: Illegal cookie name %r"),
        ("pydicom", "the value Zq7 is too long", (), "a library says something at pydicom/valuerep.py:7"),
    ],
)  # fmt: skip
def test_a_library_tells_what_stands_in_its_code_only(
    library: str, message: str, arguments: tuple[str, ...], told: str
) -> None:
    record = logging.LogRecord(library, logging.ERROR, "/lib/pydicom/valuerep.py", 7, message, arguments, None)
    assert json.loads(gateway_logs.JSONFormatter().format(record))["message"] == told
    assert "Zq7" not in gateway_logs.PlainFormatter().format(record)


@pytest.mark.parametrize("ours", ["dromos_gateway.gateway", "dromos.dimse", "__main__"])
def test_what_is_ours_is_told_as_it_is(ours: str) -> None:
    record = logging.LogRecord(ours, logging.INFO, "run.py", 7, "admin port open", (), None)
    assert json.loads(gateway_logs.JSONFormatter().format(record))["message"] == "admin port open"


def test_what_ends_a_process_or_a_thread_is_a_line_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module, name in ((sys, "excepthook"), (threading, "excepthook")):
        monkeypatch.setattr(module, name, getattr(module, name))
    root, handlers, level = logging.getLogger(), logging.getLogger().handlers[:], logging.getLogger().level
    try:
        gateway_logs.set_up()
        thread = threading.Thread(target=_raise)
        thread.start()
        thread.join()
        try:
            _raise()
        except Told as error:
            sys.excepthook(Told, error, error.__traceback__)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    said = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [each["message"] for each in said] == ["ended by a defect"] * 2
    assert "Zq7" not in json.dumps(said)
