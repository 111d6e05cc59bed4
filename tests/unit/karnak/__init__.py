# SPDX-License-Identifier: Apache-2.0
"""What Karnak is known to answer, area by area.

Each module here has a dictionary ``AREAS``: the name of an area of the vectors, and a function that gets a vector's
``input`` and ``expected`` (a ``dataset_ref`` is resolved to ``dataset`` already) and asserts; a name that ends with a
dot is for all areas that begin so. A new module needs no registration; once it answers for an area, the area's line in `NOT_BUILT` has to go.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any

from dromos_crds.expressions import Mistake, compile_template

Given = Mapping[str, Any]
Check = Callable[[Given, Given], None]

# Areas whose feature is not built yet, under the title of the issue that will build it.
NOT_BUILT: Mapping[str, tuple[str, ...]] = {}

# What Dromos repairs on purpose, by area.
REPAIRED: Mapping[str, str] = {
    "pseudonym.cache_key": "keys that were simply concatenated are ambiguous",
    "transfer.": "a failing destination is retried, and success means safe",
    "notification.decision": "errors of a de-identifying destination are mailed, with outgoing values",
    "kheops.token": "a scope is a word, not a part of a text",
    "deface.": "defacing is not offered",
}
_OFFERED_ALWAYS = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1"}


def repaired(vector: Given) -> str | None:
    """Why the vector's answer is not wanted; None when it is."""
    area, given = vector["area"], vector["input"]
    if area == "transfer_syntax.negotiated" and not {given["wanted"], *_OFFERED_ALWAYS} & set(
        given["accepted_by_peer"]
    ):
        return "a peer that accepted no offered syntax is sent nothing"
    template = given.get("template") if area == "api.template" else given.get("arguments", {}).get("url")
    if area in ("api.template", "replace_api") and isinstance(compile_template(template or ""), Mistake):
        return "a template that does not parse is refused when the manifest is read"
    return next((why for part, why in REPAIRED.items() if _within(area, part)), None)


def not_built(area: str) -> str | None:
    """The title of the issue that an area waits for."""
    return next((title for title, parts in NOT_BUILT.items() if any(_within(area, part) for part in parts)), None)


def checks() -> dict[str, Check]:
    """The areas that the modules here answer for."""
    found: dict[str, Check] = {}
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        for area, check in getattr(importlib.import_module(module.name), "AREAS", {}).items():
            assert area not in found, f"two modules answer for {area}"
            found[area] = check
    return found


def check_of(area: str, known: Mapping[str, Check]) -> Check | None:
    """Who answers for an area; None: nobody."""
    return known.get(area) or next((check for part, check in known.items() if _within(area, part)), None)


def _within(area: str, part: str) -> bool:
    return area.startswith(part) if part.endswith(".") else area == part
