# SPDX-License-Identifier: Apache-2.0
"""crds/README.md knows every reason, kind and short name that there is, and none that there is not."""

from __future__ import annotations

import re
from pathlib import Path

from dromos_crds import reasons
from dromos_crds.definitions import DEFINITIONS

README = (Path(__file__).resolve().parents[3] / "crds/README.md").read_text()


def test_every_reason_is_explained_and_none_is_made_up() -> None:
    table = README.partition("| reason |")[2].partition("##")[0]
    named = {
        word
        for row in table.splitlines()
        if row.startswith("| `")
        for word in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    assert named == {value for name, value in vars(reasons).items() if name.isupper()}


def test_the_kinds_are_those_of_the_api() -> None:
    for definition in DEFINITIONS:
        assert f"| {definition.kind} | `{definition.short_name}` |" in README
        for path in definition.selectable:
            assert f"`{path.removeprefix('.')}`" in README
