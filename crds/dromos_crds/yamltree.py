# SPDX-License-Identifier: Apache-2.0
"""YAML with positions: each document as plain data, and the line of every field.

Scalars follow YAML 1.1 as Kubernetes reads it; a duplicate key is an error rather than a silent overwrite.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

Path = tuple[str | int, ...]
MAXIMUM_NODES = 200_000  # a folder of manifests has a few thousand; aliases that multiply do not get further


class YAMLSyntaxError(ValueError):
    """The text is not YAML; `line` counts from one."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


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


def parse(text: str) -> Iterator[Tree]:
    """The documents of a YAML or JSON text, one by one; raises YAMLSyntaxError where it stops being YAML."""
    loader = yaml.SafeLoader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is None:
                break
            tree = Tree(None, node.start_mark.line + 1)
            tree.data = _Builder(loader, tree).build(node, ())
            if tree.data is not None:
                yield tree
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YAMLSyntaxError(error.problem or error.context or "not YAML", mark.line + 1 if mark else 1) from None
    except yaml.YAMLError as error:
        raise YAMLSyntaxError(f"not YAML: {type(error).__name__}", 1) from None
    except RecursionError:
        raise YAMLSyntaxError("nested too deeply", 1) from None
    finally:
        loader.dispose()


class _Builder:
    def __init__(self, loader: yaml.SafeLoader, tree: Tree) -> None:
        self._loader = loader
        self._tree = tree
        self._nodes = 0

    def build(self, node: yaml.Node, path: Path) -> Any:
        self._nodes += 1
        if self._nodes > MAXIMUM_NODES:
            raise YAMLSyntaxError("more content than a manifest can have", node.start_mark.line + 1)
        self._tree.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        try:
            return self._loader.construct_object(node)
        except ValueError:  # a timestamp or number that only looks like one
            return node.value

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[Any, Any]:
        self._loader.flatten_mapping(node)
        result: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = self._loader.construct_object(key_node, deep=True)
            line = key_node.start_mark.line + 1
            if not isinstance(key, Hashable):
                raise YAMLSyntaxError("a key must be text", line)
            if key in result:
                raise YAMLSyntaxError(f"the key {key!r} stands here twice", line)
            self._tree.lines[(*path, str(key))] = line
            result[key] = self.build(value_node, (*path, str(key)))
        return result
