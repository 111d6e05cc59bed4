# SPDX-License-Identifier: Apache-2.0
"""A Project's profile at work on one instance: finds the pseudonym, asks services, changes the header.

Runs in worker processes. What comes out depends on instance, use and pseudonym alone, and on what services answer where
a profile asks them: made again after a restart it is the same, byte for byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dromos_crds.expressions import Element, Values
from dromos_crds.profiles.rules import ReplaceByAPI
from dromos_gateway.deid.asking import ReplaceAPI
from dromos_gateway.deid.deidentify import Instance, deidentify
from dromos_gateway.deid.outcomes import Changed, Excluded, Hold
from dromos_gateway.deid.outcomes import Held as Refused
from dromos_gateway.deid.plan import Unusable, compile_plan
from dromos_gateway.header import MalformedDataSet
from dromos_gateway.projects.use import Use
from dromos_gateway.pseudonyms.resolution import Held as NoPseudonym
from dromos_gateway.pseudonyms.ways import Way, open_way

MALFORMED = "MalformedDataSet"
SERVICE_FAILED = "ServiceFailed"
PROFILE_UNUSABLE = "ProfileUnusable"


@dataclass(frozen=True, slots=True)
class Held:
    """The instance must not go. `retry_after` in seconds; None: it is tried again at the usual pace."""

    reason: str
    message: str
    retry_after: float | None = None


def carry_out(
    instance: Instance, target: Path, use: Use, pseudonym: str | None = None, *, trail: bool = False, most: int = 0
) -> Changed | Excluded | Held:
    """Write `target`, a Part 10 file, only with `Changed`. OSError when a file cannot be read or written.

    `pseudonym` is given when it was resolved already; else the use's way leads to it. `trail`: list each step.
    `most`: up to so many new bytes are given as patches in place of a file.
    """
    try:
        found = pseudonym if use.way is None or pseudonym is not None else partial(_resolve, use, use.way)
        result = deidentify(
            instance, target, compile_plan(use.recipe), found, api=_services(use), trail=trail, most=most
        )
    except _Nameless as nameless:
        none = nameless.found
        return Held(none.reason, none.message, none.retry_after)
    except MalformedDataSet as error:
        return Held(MALFORMED, str(error))
    except Unusable as error:
        return Held(PROFILE_UNUSABLE, str(error))
    return Held(result.reason, result.message) if isinstance(result, Refused) else result


class _Nameless(Exception):
    """There is no pseudonym; goes through whoever asked for it."""

    def __init__(self, found: NoPseudonym) -> None:
        super().__init__(found.reason)
        self.found = found


def _resolve(use: Use, way: Way, values: Values) -> str:
    found = open_way(way, use.project, use.auth_configs).resolve(values)
    if isinstance(found, NoPseudonym):
        raise _Nameless(found)
    return found.text


def _services(use: Use) -> ReplaceAPI:
    """What `action.replace.api` asks: with a default there is always a value."""

    def ask(rule: ReplaceByAPI, values: Values, element: Element) -> str:
        from dromos_gateway.endpoints.service import (  # an HTTP client, which most profiles need not
            Failure,
            endpoints_of,
        )

        if rule.call is None:
            raise Hold(PROFILE_UNUSABLE, f"rule {rule.name!r} has no call that makes sense")
        found = endpoints_of(use.project, use.auth_configs).ask(rule.call, values, element)
        if isinstance(found, Failure):
            raise Hold(SERVICE_FAILED, f"rule {rule.name!r}: {found.message}")
        return found.text

    return ask
