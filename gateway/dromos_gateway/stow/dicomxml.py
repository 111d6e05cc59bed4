# SPDX-License-Identifier: Apache-2.0
"""A data set in the Native DICOM Model (PS3.19 A.1) in XML, as far as a Store response needs it.

A document type is refused as such: that is where entities that grow or fetch are declared.
"""

from __future__ import annotations

from xml.parsers import expat

from dromos_gateway.stow.report import Item, UnreadableReport

_DEPTH = 64
_MOST = 100_000  # elements: a request has 50 instances, and everybody else waits while this is read
_Value = str | dict[str, tuple[object, ...]]


class _Reader:
    """Builds items while expat walks; elements are told apart by their local names."""

    def __init__(self) -> None:
        self.root: dict[str, list[object]] | None = None
        self._items: list[dict[str, list[object]]] = []
        self._attributes: list[list[object]] = []
        self._text: list[str] | None = None
        self._depth = self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._count += 1
        if self._depth > _DEPTH or self._count > _MOST:
            raise UnreadableReport("the body's elements are nested too deep, or too many")
        local = name.rpartition(":")[2]
        if local == "NativeDicomModel" and self.root is None:
            self.root = {}
            self._items.append(self.root)
        elif local == "DicomAttribute" and self._items:
            values: list[object] = []
            self._items[-1][attributes.get("tag", "").upper()] = values
            self._attributes.append(values)
        elif local == "Item" and self._attributes:
            item: dict[str, list[object]] = {}
            self._attributes[-1].append(item)
            self._items.append(item)
        elif local == "Value" and self._attributes:
            self._text = []

    def end(self, name: str) -> None:
        self._depth -= 1
        local = name.rpartition(":")[2]
        if local == "DicomAttribute" and self._attributes:
            self._attributes.pop()
        elif local == "Item" and len(self._items) > 1:
            self._items.pop()
        elif local == "Value" and self._text is not None and self._attributes:
            self._attributes[-1].append("".join(self._text))
            self._text = None

    def text(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)


def parse_xml(body: bytes) -> Item:
    """Read one data set. UnreadableReport."""
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(body, True)
    except UnreadableReport:
        raise
    except (expat.ExpatError, ValueError, LookupError):  # the last two: encodings that expat or Python do not know
        raise UnreadableReport("the body is not XML, or in an encoding that is not read") from None
    if reader.root is None:
        raise UnreadableReport("the body is XML, but no data set")
    return _freeze(reader.root)


def _refuse(*_: object) -> None:
    raise UnreadableReport("the body is XML with a document type")


def _freeze(item: dict[str, list[object]]) -> Item:
    return {
        tag: tuple(_freeze(value) if isinstance(value, dict) else str(value) for value in values)
        for tag, values in item.items()
    }
