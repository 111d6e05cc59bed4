# SPDX-License-Identifier: Apache-2.0
"""Log messages are constant; what varies stands in fields, so that lines can be counted and nothing slips in."""

from __future__ import annotations

import ast
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from dromos_gateway.logs import JSONFormatter, PlainFormatter
from dromos_operator.logs import FIELDS

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for folder in ("crds", "gateway", "operator") for path in (ROOT / folder).rglob("*.py"))
Calls = list[tuple[Path, ast.Call, ast.expr | None]]
METHODS = {"debug", "info", "warning", "error", "exception", "critical"}
RESERVED = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "time", "level", "logger", "exception"}


def _loggers(tree: ast.Module) -> set[str]:
    """Names in a module that stand for a logger: made here, or imported under one of the usual names."""
    made = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        if ast.unparse(node.value.func).endswith("getLogger")
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return made | {"log", "LOG", "_LOG"}


def _calls(path: Path) -> Iterator[tuple[ast.Call, ast.expr | None]]:
    """The calls that write to the log, with their message; wrappers of ours are called `_log`."""
    tree = ast.parse(path.read_text())
    loggers = _loggers(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        owner = node.func.value
        direct = isinstance(owner, ast.Name) and owner.id in loggers and node.func.attr in METHODS
        if direct or node.func.attr == "_log":
            yield node, node.args[0] if node.args else None


def _is_constant(call: ast.Call, message: ast.expr | None, path: Path) -> bool:
    if isinstance(message, ast.Constant) and isinstance(message.value, str):
        return len(call.args) == 1 and "%" not in message.value
    # the one wrapper hands its own message on
    return path.name == "connection.py" and isinstance(message, ast.Name) and message.id == "message"


def _fields(call: ast.Call) -> set[str]:
    """Names of fields that are written out in a call."""
    extra = next((keyword.value for keyword in call.keywords if keyword.arg == "extra"), None)
    keys = extra.keys if isinstance(extra, ast.Dict) else []
    written = {str(key.value) for key in keys if isinstance(key, ast.Constant)}
    return written | {keyword.arg for keyword in call.keywords if keyword.arg not in ("extra", "exc_info", None)}


@pytest.fixture(scope="module")
def calls() -> Calls:
    found = [(path, *call) for path in SOURCES for call in _calls(path)]
    assert len(found) > 60
    return found


def test_messages_are_constant_and_nothing_is_formatted_into_them(calls: Calls) -> None:
    wrong = [(path.name, ast.unparse(call)) for path, call, message in calls if not _is_constant(call, message, path)]
    assert wrong == []


def test_no_field_has_a_name_that_logging_keeps_for_itself(calls: Calls) -> None:
    """`extra={"name": …}` raises KeyError when the line is written, which is when it is least wanted."""
    for _, call, _ in calls:
        assert not _fields(call) & RESERVED, ast.unparse(call)


def test_the_operator_writes_the_fields_it_is_given(calls: Calls) -> None:
    given = {name for path, call, _ in calls if "dromos_operator" in path.parts for name in _fields(call)}
    assert len(given) > 3
    assert given <= set(FIELDS)


def _line(formatter: logging.Formatter, message: str, **fields: object) -> str:
    place = ("dromos_gateway.tests", logging.WARNING, __file__, 1)
    record = logging.getLogger("dromos_gateway.tests").makeRecord(*place, message, (), None, extra=fields)
    return formatter.format(record)


def test_json_has_the_fields_beside_the_message() -> None:
    entry = json.loads(_line(JSONFormatter(), "no answer", host="a\nb", count=3))
    assert (entry["message"], entry["level"], entry["logger"]) == ("no answer", "warning", "tests")
    assert (entry["host"], entry["count"]) == ("a\nb", 3)


def test_a_peers_words_stay_in_their_line_on_a_terminal() -> None:
    line = _line(PlainFormatter(), "association rejected", peer="\x1b[2JCT1\n", host="127.0.0.1")
    assert "\n" not in line
    assert "\x1b" not in line
    assert "host=127.0.0.1" in line
