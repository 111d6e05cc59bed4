# SPDX-License-Identifier: Apache-2.0
"""The way to a worker and back of an instance that is changed: plain values, which pickle in no time.

The change is the same for every instance of a destination; it goes along as bytes that the worker knows by now.
"""

from __future__ import annotations

import pickle
from functools import lru_cache
from pathlib import Path

from dromos_gateway.changes.change import Change, Excluded, Held, Original, Outcome, Ready
from dromos_gateway.dimse.patchwork import Patchwork
from dromos_gateway.workers.job import Job

_CHANGE = "dromos_gateway.changes.travelling:change_one"
Plain = tuple[str, int, int, str, str, str, tuple[str, ...], str, Patchwork]  # of a `Ready`, without what previews show
Answer = tuple[int, Plain | Held | Excluded]  # of which delivery, and what became of it
_Where = tuple[str, int, int, str]


def job_of(
    delivery: int, original: Original, target: Path, change: Change, pseudonym: str | None, most: int
) -> Job[Answer]:
    """The job for a worker."""
    where = str(original.path), original.data_set_offset, original.size, original.transfer_syntax_uid
    return Job(_CHANGE, (delivery, where, str(target), _packed(change), pseudonym, most))


def change_one(delivery: int, where: _Where, target: str, change: bytes, pseudonym: str | None, most: int) -> Answer:
    """What the worker does: `making.make`."""
    from dromos_gateway.changes.making import make  # the pool's end of the way does without it

    path, offset, size, syntax = where
    original = Original(Path(path), offset, size, syntax)
    made = make(original, Path(target), _unpacked(change), pseudonym, most=most)
    if not isinstance(made, Ready):
        return delivery, made
    return delivery, (
        str(made.path), made.data_set_offset, made.size, made.sop_class_uid, made.sop_instance_uid,
        made.transfer_syntax_uid, made.notes, made.digest, made.patches,
    )  # fmt: skip


def outcome_of(delivery: int, answer: Answer) -> Outcome | None:
    """What the worker said; None when it spoke of another delivery."""
    whose, made = answer
    if whose != delivery:
        return None
    if not isinstance(made, tuple):
        return made
    path, offset, size, sop_class, sop_instance, syntax, notes, digest, patches = made
    return Ready(Path(path), offset, size, sop_class, sop_instance, syntax, notes, digest, patches=patches)


@lru_cache(maxsize=64)
def _packed(change: Change) -> bytes:
    return pickle.dumps(change, pickle.HIGHEST_PROTOCOL)


@lru_cache(maxsize=64)
def _unpacked(change: bytes) -> Change:
    found: Change = pickle.loads(change)  # noqa: S301  the pool is trusted
    return found
