# SPDX-License-Identifier: Apache-2.0
"""Destinations by the names that people give them: with their namespace, or without where that says enough."""

from __future__ import annotations

from collections.abc import Mapping

from dromos_gateway.configuration.settings import Configuration
from dromos_gateway.spool.records import Totals


class Ambiguous(ValueError):
    """The name fits several; the message says which."""


def full_name(name: str, configuration: Configuration) -> str:
    """namespace/name. A destination is in its ForwardNode's namespace, and most gateways serve one."""
    if "/" in name:
        return name
    keys = {*(node.key for node in configuration.nodes.values()), *configuration.destinations}
    namespaces = sorted({key.partition("/")[0] for key in keys}) or ["default"]
    fitting = [f"{namespace}/{name}" for namespace in namespaces]
    there = [each for each in fitting if each in configuration.destinations]
    if len(there or fitting) > 1:
        raise Ambiguous(f"{name} may be {' or '.join(there or fitting)}: name the namespace as well")
    return (there or fitting)[0]


def there_are(configuration: Configuration, totals: Mapping[str, Totals]) -> set[str]:
    """Destinations to tell of: those that there are, and those that are gone and have left something behind."""
    left = {
        key for key, each in totals.items() if each.waiting or each.failed or each.shares_waiting or each.shares_failed
    }
    return configuration.destinations.keys() | left
