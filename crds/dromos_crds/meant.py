# SPDX-License-Identifier: Apache-2.0
"""Which Destination a document was to be that is not valid: what its ForwardNode receives is held for it.

Where it was valid before, its last accepted form is in force. Where it never was, it is there all the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
_LONGEST = 64 * 1024  # characters that are looked through
_NAMED = re.compile(_NAME)
_KIND = re.compile(r"^kind:\s*[\"']?Destination\b", re.MULTILINE)


def _below(parent: str, key: str) -> re.Pattern[str]:
    """`parent: {…key: value…}`, or the same in lines that are indented more."""
    return re.compile(
        rf"^(?P<indent> *){parent}:[ \t]*"
        rf"(?:\{{[^{{}}\n]*?|\n(?=(?P<child>(?P=indent) +))(?:(?:(?P=indent) .*)?\n)*?(?P=child))"
        rf"\b{key}:[ \t]*[\"']?(?P<value>{_NAME})",
        re.MULTILINE,
    )


_METADATA_NAME, _METADATA_NAMESPACE = _below("metadata", "name"), _below("metadata", "namespace")
_FORWARD_NODE = _below("forwardNodeRef", "name")


@dataclass(frozen=True, slots=True)
class Meant:
    """A Destination, and the ForwardNode that it belongs to."""

    namespace: str
    name: str
    forward_node: str


def meant_by_data(data: Mapping[str, Any]) -> Meant | None:
    """By a document that is YAML. Nothing but a Destination has a forwardNodeRef, whatever its kind is called."""
    metadata, spec = data.get("metadata"), data.get("spec")
    reference = spec.get("forwardNodeRef") if isinstance(spec, dict) else None
    if not isinstance(metadata, dict) or not isinstance(reference, dict):
        return None
    name, node, namespace = metadata.get("name"), reference.get("name"), metadata.get("namespace", "default")
    if not (isinstance(name, str) and isinstance(node, str) and isinstance(namespace, str)):
        return None
    return Meant(namespace, name, node) if all(map(_NAMED.fullmatch, (name, node, namespace))) else None


def meant_by_text(text: str) -> Meant | None:
    """By a document that is not YAML, as far as its lines are those that people write."""
    text = text[:_LONGEST].replace("\r\n", "\n")
    name, node = _METADATA_NAME.search(text), _FORWARD_NODE.search(text)
    if name is None or node is None or _KIND.search(text) is None:
        return None
    namespace = _METADATA_NAMESPACE.search(text)
    return Meant(namespace["value"] if namespace else "default", name["value"], node["value"])
