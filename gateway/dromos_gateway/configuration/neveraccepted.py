# SPDX-License-Identifier: Apache-2.0
"""Destinations of which no valid form is known: what comes in for them is kept, and sent once they are valid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from dromos_crds.destination import Retry
from dromos_crds.problems import Problem
from dromos_crds.quantities import parse_duration
from dromos_gateway.configuration.settings import DestinationSettings


def never_accepted(problems: Iterable[Problem]) -> Iterator[DestinationSettings]:
    """A held destination for each that a broken document means; the first of its mistakes is the reason."""
    for problem in problems:
        meant = problem.meant
        if meant is None:
            continue
        message = f"{problem.field}: {problem.message}" if problem.field else problem.message
        yield DestinationSettings(
            key=f"{meant.namespace}/{meant.name}",
            node=f"{meant.namespace}/{meant.forward_node}",
            generation=0,
            enabled=True,
            suspend=False,
            peer=None,
            sop_classes=None,
            max_age=parse_duration(Retry().max_age),
            hold=replace(
                problem, message=message, field=None, kind="Destination", namespace=meant.namespace, name=meant.name
            ),
        )
