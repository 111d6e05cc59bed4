# SPDX-License-Identifier: Apache-2.0
"""YAML with positions: each document as plain data, and the line of every field.

Scalars follow YAML 1.1 as Kubernetes reads it; a duplicate key is an error rather than a silent overwrite.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is some ten times as fast
Path = tuple[str | int, ...]
MAXIMUM_NODES = 200_000  # a folder of manifests has a few thousand; aliases that multiply do not get further

MAXIMUM_DEPTH = 100


class YAMLSyntaxError(ValueError):
    """The text is not YAML; `line` counts from one. `discreet` says the same without a word of the text."""

    def __init__(self, message: str, line: int, discreet: str = "") -> None:
        super().__init__(message)
        self.line = line
        self.discreet = discreet or message


@dataclass
class Tree:
    """One document: its data, and the line on which each path starts."""

    data: Any
    line: int
    lines: dict[Path, int] = field(default_factory=dict)

    def line_of(self, path: Path) -> int:
        """The line of a path, or of the nearest one above it that is there."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, self.line)

    def at(self, path: Path) -> Any:
        """The data at a path that is there."""
        data = self.data
        for step in path:
            data = data[step]
        return data

    def lines_below(self, path: Path) -> dict[Path, int]:
        """The lines of the part at a path, which is left off."""
        depth = len(path)
        return {found[depth:]: line for found, line in self.lines.items() if found[:depth] == path}


def parse(text: str, first_line: int = 0, *, as_text: bool = False) -> Iterator[Tree]:
    """The documents of a YAML or JSON text, one by one; raises YAMLSyntaxError where it stops being YAML.

    ``first_line`` is how many lines stand before the text in its file. With ``as_text``, every scalar but null is text.
    """
    loader = _LOADER(text)
    try:
        _refuse_depth(text, first_line)
        while loader.check_node():
            node = loader.get_node()
            if node is None:
                break
            tree = Tree(None, node.start_mark.line + 1 + first_line)
            tree.data = _Builder(loader, tree, first_line, as_text=as_text).build(node, ())
            if tree.data is not None:
                yield tree
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context or "this is not YAML"
        # what is never closed is noticed behind the last line
        line = max(min(mark.line if mark else 0, len(text.splitlines()) - 1), 0)
        raise YAMLSyntaxError(_hinted(problem, text, line), line + 1 + first_line) from None
    except yaml.YAMLError:
        raise YAMLSyntaxError(
            "the text has a character that YAML does not allow, such as a control character", 1 + first_line
        ) from None
    except RecursionError:
        raise YAMLSyntaxError("nested too deeply", 1 + first_line) from None
    finally:
        loader.dispose()


def _refuse_depth(text: str, first_line: int) -> None:
    # libyaml's composer recurses in C: a file of brackets would take the process down
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAXIMUM_DEPTH:
                raise YAMLSyntaxError("nested too deeply", _line(event) + first_line)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


# what Kubernetes' YAML reader takes for a boolean or a number and PyYAML for text
_GO_BOOLEANS = {"y": True, "Y": True, "n": False, "N": False}
_GO_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+", re.ASCII)

_HINTS = {
    "cannot start any token": "a tab cannot indent, and text that begins with @, ` or % needs quotes",
    "mapping values are not allowed": "text with a colon in it needs quotes, or the line is indented too far",
    "did not find expected key": "the indentation does not match the lines above",
    "expected <block end>": "the indentation does not match the lines above",
    "could not find expected ':'": "a key needs a colon and a space after it",
    "unexpected end of stream": "a quote is not closed",
    "did not find expected ',' or": "a comma or a closing bracket is missing",
    "expected ',' or": "a comma or a closing bracket is missing",
    "undefined alias": "text that begins with * needs quotes",
}


# longer than a mark of YAML's own: a piece of the text, which may be a password
_QUOTED = re.compile(r"\s*(?P<quote>['\"])[^'\"]{5,}(?P=quote)")


def _hinted(problem: str, text: str, line: int) -> str:
    problem = _QUOTED.sub("", problem)
    lines = text.splitlines()
    if line < len(lines) and lines[line].lstrip(" ").startswith("\t"):
        return "a tab cannot indent; use spaces"
    return next((f"{problem}; {hint}" for part, hint in _HINTS.items() if part in problem), problem)


class _Builder:
    def __init__(self, loader: Any, tree: Tree, first_line: int, *, as_text: bool) -> None:
        self._loader = loader
        self._as_text = as_text
        self._tree = tree
        self._first_line = first_line + 1
        self._nodes = 0
        self._flattened: set[int] = set()

    def build(self, node: yaml.Node, path: Path) -> Any:
        self._nodes += 1
        if self._nodes > MAXIMUM_NODES:
            raise YAMLSyntaxError("more content than a manifest can have", node.start_mark.line + self._first_line)
        self._tree.lines.setdefault(path, node.start_mark.line + self._first_line)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node)

    def _scalar(self, node: yaml.Node) -> Any:
        """Numbers, booleans and null as Kubernetes reads them; everything else is text, dates too."""
        if self._as_text:
            return None if node.tag.endswith(":null") else node.value
        if node.tag.endswith(":int") and ":" in node.value:
            return node.value  # base 60 is PyYAML's alone
        if node.tag.endswith(":str") and not getattr(node, "style", None):  # without quotes
            if node.value in _GO_BOOLEANS:
                return _GO_BOOLEANS[node.value]
            if _GO_FLOAT.fullmatch(node.value):
                return float(node.value)
        try:
            value = self._loader.construct_object(node)
        except ValueError:  # a number that only looks like one
            return node.value
        return value if value is None or isinstance(value, bool | int | float | str) else node.value

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[Any, Any]:
        if id(node) not in self._flattened:
            self._flattened.add(id(node))
            self._refuse_duplicates(node)
            self._loader.flatten_mapping(node)
        result: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            self._tree.lines[(*path, key)] = key_node.start_mark.line + self._first_line
            result[key] = self.build(value_node, (*path, key))
        return result

    def _refuse_duplicates(self, node: yaml.MappingNode) -> None:
        # before `<<` is merged: a key of the mapping's own may override a merged one
        seen: dict[str, int] = {}
        for key_node, _ in node.value:
            line = key_node.start_mark.line + self._first_line
            if not isinstance(key_node, yaml.ScalarNode):
                raise YAMLSyntaxError("a key must be text", line)
            if key_node.value in seen:
                message = f"the key {key_node.value!r} stands here twice; keep one"
                raise YAMLSyntaxError(message, line, f"the key stands in line {seen[key_node.value]} already; keep one")
            seen[key_node.value] = line
