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
Answer = Plain | Held | Excluded


def job_of(original: Original, target: Path, change: Change, pseudonym: str | None, most: int) -> Job[Answer]:
    """The job for a worker."""
    where = str(original.path), original.data_set_offset, original.size, original.transfer_syntax_uid
    return Job(_CHANGE, (*where, str(target), _packed(change), pseudonym, most))


def change_one(
    path: str, offset: int, size: int, syntax: str, target: str, change: bytes, pseudonym: str | None, most: int
) -> Answer:
    """What the worker does: `making.make`."""
    from dromos_gateway.changes.making import make  # the pool's end of the way does without it

    made = make(Original(Path(path), offset, size, syntax), Path(target), _unpacked(change), pseudonym, most=most)
    if not isinstance(made, Ready):
        return made
    return (
        str(made.path), made.data_set_offset, made.size, made.sop_class_uid, made.sop_instance_uid,
        made.transfer_syntax_uid, made.notes, made.digest, made.patches,
    )  # fmt: skip


def outcome_of(answer: Answer) -> Outcome:
    """What the worker said."""
    if not isinstance(answer, tuple):
        return answer
    path, offset, size, sop_class, sop_instance, syntax, notes, digest, patches = answer
    return Ready(Path(path), offset, size, sop_class, sop_instance, syntax, notes, digest, patches=patches)


@lru_cache(maxsize=64)
def _packed(change: Change) -> bytes:
    return pickle.dumps(change, pickle.HIGHEST_PROTOCOL)


@lru_cache(maxsize=64)
def _unpacked(change: bytes) -> Change:
    found: Change = pickle.loads(change)  # noqa: S301  the pool is trusted
    return found
