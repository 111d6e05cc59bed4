# SPDX-License-Identifier: Apache-2.0
"""What a plan does to all data sets of one shape, as a list of steps: the slices of a series have the same elements.

A step is about consecutive elements. What stays as it is has none; what goes, or becomes the same whatever it was, is
put together with its neighbours, so that a slice of 150 elements takes 50 steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from dromos_gateway.deid.decision import Decision, Kind
from dromos_gateway.deid.level import Level
from dromos_gateway.deid.private import Blocks
from dromos_gateway.header.shape import Shape

SPLICE: Final = 0  # new bytes, or none, in place of the elements: bytes, and tags of elements that are added
REMEMBER: Final = 1  # a decision whose outcome depends on value and patient only
CARRY_OUT: Final = 2  # a decision that wants a closer look; None: rules are asked of what is written anew in any case
# what to do, number of the first element, number of the one behind the last, with what, steps for the digest
Step = tuple[int, int, int, Any, bytes]


@dataclass(slots=True)
class Program:
    """The steps; `blocks` says that whose private blocks there are must be found out in each instance."""

    blocks: bool
    steps: list[Step] = field(default_factory=list)


def compile_program(
    level: Level, shape: Shape, added: Sequence[int], blocks: Blocks | None, *, detailed: bool = False
) -> Program:
    """The program of a table for a shape. `added` are the tags, in order, of elements that go in.

    `blocks`, of any data set of the shape, if private elements may stay. `detailed`: each step by itself, for a trail.
    """
    program = Program(blocks is not None and blocks.uncertain)
    certain = blocks if blocks is not None and not blocks.uncertain else None
    steps: list[_Step] = []
    there = {tag for tag in added if tag in shape.index}  # written in their places, in order or not
    pending = [tag for tag in reversed(added) if tag not in there]
    for at, (tag, vr) in enumerate(zip(shape.tags, shape.vrs, strict=True)):
        while pending and pending[-1] < tag:
            _splice(steps, at, at, pending.pop(), b"")
        if level.consults(tag, vr, there):
            steps.append(_Step(CARRY_OUT, at, at, (tag, None)))
        if tag in there:
            _splice(steps, at, at + 1, tag, b"")
            continue
        decision = level.table.get(tag)
        if decision is None or decision.vr != vr:
            decision = level.decide(tag, vr)
        if decision.simple:
            continue
        if certain is not None and tag & 0x10000:
            decision = certain.mended(decision, tag).at(tag, level)
        if decision.quick and not detailed:
            _quick(steps, at, shape.heads[at], decision)
        elif not decision.simple:
            steps.append(_Step(CARRY_OUT, at, at + 1, (tag, decision)))
    behind = len(shape.tags)
    for tag in reversed(pending):
        _splice(steps, behind, behind, tag, b"")
    program.steps = [_joined(step) for step in steps]
    return program


@dataclass(slots=True)
class _Step:
    """A step that is being put together: a splice grows with each neighbour."""

    what: int
    first: int
    behind: int
    how: Any = None
    parts: list[bytes | int] = field(default_factory=list)
    logged: list[bytes] = field(default_factory=list)


def _quick(steps: list[_Step], at: int, head: int, decision: Decision) -> None:
    if decision.kind is Kind.REMOVE:
        _splice(steps, at, at + 1, b"", decision.step)
    elif decision.constant is not None:
        _splice(steps, at, at + 1, decision.constant, decision.step)
    else:
        steps.append(_Step(REMEMBER, at, at + 1, (head, decision), logged=[decision.step]))


def _splice(steps: list[_Step], first: int, behind: int, what: bytes | int, logged: bytes) -> None:
    """One more splice, or more of the last one."""
    if not steps or steps[-1].what != SPLICE or steps[-1].behind != first:
        steps.append(_Step(SPLICE, first, behind))
    last = steps[-1]
    last.behind = behind
    last.parts.append(what)
    last.logged.append(logged)


def _joined(step: _Step) -> Step:
    """Bytes where a splice has nothing but bytes."""
    how, parts = step.how, step.parts
    if step.what == SPLICE:
        how = tuple(parts)
        if not any(isinstance(part, int) for part in parts):
            how = b"".join([part for part in parts if isinstance(part, bytes)])
    return step.what, step.first, step.behind, how, b"".join(step.logged)
