# SPDX-License-Identifier: Apache-2.0
"""One value of a Secret in a YAML or JSON file, replaced in place: every other character of the file stays.

Editing text by position is only as good as its check: the result is read again, and must differ in that value alone.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dromos_crds import Secret
from dromos_crds.document import Document, parse_text

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BLOCK = re.compile(r"[|>][-+0-9]*(?P<comment>[ \t]+#.*)?")
_UNPRINTABLE = re.compile(r"[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


class CannotEdit(Exception):
    """The file is written in a way that is not edited here; the message has no value of it."""


@dataclass(frozen=True, slots=True)
class _Found:
    key: yaml.Node
    value: yaml.ScalarNode
    encoded: bool  # in `data`: base64
    flow: bool


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Keep other commands from editing files of the same folder."""
    folder = os.open(file.resolve().parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def replace_value(file: Path, identity: tuple[str, str, str], key: str, content: bytes) -> None:
    """Give a Secret's key another value, durably. CannotEdit, OSError."""
    real = file.resolve()  # the file that a link leads to is edited, the link stays
    before = real.read_bytes()
    after = edited(before, identity, key, content)
    if after == before:
        return
    descriptor, name = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.")
    try:
        with open(descriptor, "wb") as temporary:  # noqa: PTH123 - it is open already
            temporary.write(after)
            temporary.flush()
            state = real.stat()
            os.fchmod(temporary.fileno(), state.st_mode & 0o7777)
            if os.geteuid() == 0:
                os.fchown(temporary.fileno(), state.st_uid, state.st_gid)
            os.fsync(temporary.fileno())
        Path(name).replace(real)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def edited(file: bytes, identity: tuple[str, str, str], key: str, content: bytes) -> bytes:
    """The text of a manifest file with another value for a Secret's key. CannotEdit."""
    text = file.decode("utf-8-sig")
    mark = file[: len(file) - len(text.encode())]
    found = _find(text, identity, key)
    result = mark + _replaced(text, found, content).encode()
    _check(file, result, identity, key, content)
    return result


def _find(text: str, identity: tuple[str, str, str], key: str) -> _Found:
    try:
        documents = list(yaml.compose_all(text, Loader=_LOADER))
    except yaml.YAMLError:
        raise CannotEdit("the file has a syntax error; see dromos validate") from None
    found = None
    for node in _secrets(documents):
        metadata = _child(node, "metadata")
        name, namespace = _scalar(metadata, "name"), _scalar(metadata, "namespace") or "default"
        if ("Secret", namespace, name) != identity:
            continue
        for field in ("data", "stringData"):  # the latter goes before
            parent = _child(node, field)
            if not isinstance(parent, yaml.MappingNode):
                continue
            for key_node, value in parent.value:
                if key_node.value == key and isinstance(value, yaml.ScalarNode):
                    found = _Found(key_node, value, field == "data", bool(parent.flow_style))
    if found is None:
        raise CannotEdit(f"Secret {identity[2]} has no key {key} of its own there; is it written with an alias?")
    return found


def _secrets(nodes: Sequence[yaml.Node | None]) -> Iterator[yaml.MappingNode]:
    for node in nodes:
        if not isinstance(node, yaml.MappingNode):
            continue
        if _scalar(node, "kind") == "Secret":
            yield node
        items = _child(node, "items")
        if isinstance(items, yaml.SequenceNode):
            yield from _secrets(items.value)


def _child(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)


def _scalar(node: yaml.Node | None, key: str) -> str | None:
    child = _child(node, key)
    return child.value if isinstance(child, yaml.ScalarNode) else None


def _replaced(text: str, found: _Found, content: bytes) -> str:
    lines = text.split("\n")
    start, end = found.value.start_mark, found.value.end_mark
    head = lines[start.line][: start.column]
    if found.encoded:
        shown = base64.b64encode(content).decode() or '""'
        if found.value.style in ("|", ">"):
            return "\n".join([*lines[: start.line], head + shown, *lines[_block_end(lines, found) :]])
        return "\n".join([*lines[: start.line], head + shown + lines[end.line][end.column :], *lines[end.line + 1 :]])
    value = content.decode()
    if found.value.style in ("|", ">"):
        block = _BLOCK.match(lines[start.line][start.column :])
        comment = (block.group("comment") or "") if block else ""
        rest = lines[_block_end(lines, found) :] or [""]  # the block's last line needs an end
        return "\n".join([*lines[: start.line], *_literal(head, value, found.key, comment), *rest])
    tail = lines[end.line][end.column :]
    rest = lines[end.line + 1 :] or [""]
    if found.flow or tail.strip():
        return "\n".join([*lines[: start.line], head + _quoted(value) + tail, *rest])
    return "\n".join([*lines[: start.line], *_literal(head, value, found.key, ""), *rest])


def _block_end(lines: list[str], found: _Found) -> int:
    """The line after a block scalar: the first that is not empty and not indented more than its key."""
    start, column = found.value.start_mark.line, found.key.start_mark.column
    last = start
    for number in range(start + 1, len(lines)):
        line = lines[number]
        if line.strip() and len(line) - len(line.lstrip(" ")) <= column:
            break
        if line.strip():
            last = number
    return last + 1


def _literal(head: str, value: str, key: yaml.Node, comment: str) -> list[str]:
    """A literal block, or text in quotes where YAML has no literal form for it."""
    if not value.strip() or _UNPRINTABLE.search(value) or value[0] in " \n\t":
        return [head + _quoted(value) + comment]
    body = value.rstrip("\n")
    kept = len(value) - len(body)
    indent = " " * (key.start_mark.column + 2)
    sign = {0: "-", 1: ""}.get(kept, "+")
    lines = [indent + line if line else "" for line in body.split("\n")]
    return [f"{head}|{sign}{comment}", *lines, *[""] * max(kept - 1, 0)]


def _quoted(value: str) -> str:
    """Text in double quotes that JSON and YAML read alike."""
    text = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def _check(before: bytes, after: bytes, identity: tuple[str, str, str], key: str, content: bytes) -> None:
    old, new = ([_comparable(item, identity, key) for item in parse_text(text, "-")] for text in (before, after))
    value = next(
        (
            item.object.data.get(key)
            for item in parse_text(after, "-")
            if isinstance(item, Document) and item.identity == identity and isinstance(item.object, Secret)
        ),
        None,
    )
    if old != new or value != content:
        raise CannotEdit("the file is written in a way that cannot be edited here; edit it by hand")


def _comparable(item: Any, identity: tuple[str, str, str], key: str) -> Any:
    if not isinstance(item, Document):
        return item.message
    if item.identity == identity and isinstance(item.object, Secret):
        return identity, {name: value for name, value in item.object.data.items() if name != key}
    return item.object
