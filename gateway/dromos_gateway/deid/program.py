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
CARRY_OUT: Final = 2  # a decision that wants a closer look
_LAST: Final = 1 << 40  # behind every tag
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
    steps, pending = program.steps, list(added)
    following = pending[0] if pending else _LAST
    for at, (tag, vr) in enumerate(zip(shape.tags, shape.vrs, strict=True)):
        while following < tag:
            _splice(steps, at, at, pending.pop(0), b"")
            following = pending[0] if pending else _LAST
        if following == tag:  # written in its place
            _splice(steps, at, at + 1, pending.pop(0), b"")
            following = pending[0] if pending else _LAST
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
            steps.append((CARRY_OUT, at, at + 1, (tag, decision), b""))
    behind = len(shape.tags)
    for tag in pending:
        _splice(steps, behind, behind, tag, b"")
    program.steps = [_joined(step) for step in steps]
    return program


def _quick(steps: list[Step], at: int, head: int, decision: Decision) -> None:
    if decision.kind is Kind.REMOVE:
        _splice(steps, at, at + 1, b"", decision.step)
    elif decision.constant is not None:
        _splice(steps, at, at + 1, decision.constant, decision.step)
    else:
        steps.append((REMEMBER, at, at + 1, (head, decision), decision.step))


def _splice(steps: list[Step], first: int, behind: int, what: bytes | int, logged: bytes) -> None:
    """One more splice, or more of the last one."""
    if steps and steps[-1][0] == SPLICE and steps[-1][2] == first:
        _, first, _, before, already = steps.pop()
        steps.append((SPLICE, first, behind, (*before, what), already + logged))
    else:
        steps.append((SPLICE, first, behind, (what,), logged))


def _joined(step: Step) -> Step:
    """Bytes where a splice has nothing but bytes."""
    if step[0] != SPLICE or any(isinstance(part, int) for part in step[3]):
        return step
    return step[0], step[1], step[2], b"".join(step[3]), step[4]
