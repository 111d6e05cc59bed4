#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write gateway/dromos_gateway/deid/attribute_types.json: the type of each attribute in each IOD's modules (PS3.3).

Run with the path of the highdicom wheel (MIT), whose tables are made from the standard:

    pip download --no-deps highdicom && hack/attribute_types.py highdicom-*.whl

Sequences' contents recur in hundreds of modules, so that each different content is written once and referred to by its
number: [[tag, type, content or -1], …].
"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

from pydicom.datadict import tag_for_keyword

TARGET = Path(__file__).parent.parent / "gateway" / "dromos_gateway" / "deid" / "attribute_types.json"
FOLDER = "highdicom/_standard/"


def tree_of(attributes: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Nested {keyword: [type, content]}."""
    tree: dict[str, list[Any]] = {}
    for attribute in attributes:
        level = tree
        for keyword in attribute["path"]:
            level = level.setdefault(keyword, ["3", {}])[1]
        level.setdefault(attribute["keyword"], ["3", {}])[0] = attribute["type"]
    return tree


class Contents:
    """Each different content once."""

    def __init__(self) -> None:
        self.numbers: dict[tuple[tuple[int, str, int], ...], int] = {}

    def number(self, tree: dict[str, list[Any]]) -> int:
        """The number of a content, -1 for none."""
        entries = []
        for keyword, (kind, inner) in tree.items():
            tag = tag_for_keyword(keyword)
            if tag is not None and kind in ("1", "1C", "2", "2C", "3"):
                entries.append((int(tag), kind, self.number(inner)))
        return self.numbers.setdefault(tuple(sorted(entries)), len(self.numbers)) if entries else -1


def main(wheel: Path) -> None:
    """Read the wheel, write the table."""
    with zipfile.ZipFile(wheel) as archive:
        tables = {
            name: json.loads(archive.read(f"{FOLDER}{name}.json"))
            for name in ("module_attribute_map", "iod_module_map", "sop_class_iod_map")
        }
    contents = Contents()
    modules = {name: contents.number(tree_of(found)) for name, found in tables["module_attribute_map"].items()}
    names = {name: number for number, name in enumerate(sorted(modules))}
    iods = {
        name: [[names[part["key"]], part["usage"]] for part in parts if part["key"] in names]
        for name, parts in tables["iod_module_map"].items()
    }
    table = {
        "contents": [list(map(list, content)) for content in contents.numbers],
        "modules": [[name, modules[name]] for name in sorted(modules)],
        "iods": iods,
        "sop_classes": tables["sop_class_iod_map"],
    }
    TARGET.write_text(json.dumps(table, separators=(",", ":")) + "\n", encoding="ascii")
    print(f"{len(contents.numbers)} contents, {len(modules)} modules, {len(iods)} IODs in {TARGET}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
