# SPDX-License-Identifier: Apache-2.0
"""The change stage: what a destination gets, made once by a worker and kept until the delivery is settled.

Where little is new, that is patches for the original, which travel with the parcel; where much is, a file.

What is made is a pure function of instance and configuration, so nothing of it needs to survive a crash: the folder
is emptied at start, and what is still to be sent is made again, byte for byte the same.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dromos_gateway.changes.change import Change, Held, Original, Outcome, Ready
from dromos_gateway.changes.failing import held_by
from dromos_gateway.changes.naming import local_way, pseudonym_of, without_store
from dromos_gateway.changes.targets import Targets
from dromos_gateway.changes.travelling import job_of, outcome_of
from dromos_gateway.dimse.patchwork import beginning_of
from dromos_gateway.projects.use import Applied
from dromos_gateway.spool.records import Delivery, Sent
from dromos_gateway.workers.job import Failed, Limits
from dromos_gateway.workers.pool import Pool

log = logging.getLogger(__name__)

_BEGINNING = 16 * 1024
_MOST_KEPT = 256  # files of deliveries that wait for another attempt; beyond it they are made again
_MOST_PATCHES = 16 * 1024 * 1024  # bytes of patches of such deliveries, likewise
MOST_NEW = 256 * 1024  # bytes of an instance that travel between processes; where more are new, it is a file


class CannotChangeNow(Exception):
    """The machine is to blame, not the instance: try again."""


_Key = tuple[Change, str | None, bool]  # the change, the pseudonym, whether it is a file


@dataclass(slots=True)
class _Kept:
    destination: str
    key: _Key
    ready: Ready
    applied: Applied | None  # when it was made: both may be others when it has arrived
    resting: bool = False  # the delivery waits for another attempt

    @property
    def patched(self) -> int:
        """Bytes of it that are in memory."""
        return sum(len(patch) for patch in self.ready.patches if isinstance(patch, bytes))


class Stage:
    """Makes and keeps outgoing files below one folder of the spool."""

    def __init__(
        self,
        folder: Path,
        pool: Pool,
        space: Callable[[int], None],
        limits: Limits | None = None,
        most_patches: int = _MOST_PATCHES,
    ) -> None:
        """`space` is told of bytes written, and with a negative count of bytes given back."""
        self._folder = folder
        self._pool = pool
        self._space = space
        self._limits = limits
        self._most_patches = most_patches
        self._kept: dict[int, _Kept] = {}
        folder.mkdir(mode=0o700, exist_ok=True)
        for left in folder.iterdir():
            left.unlink()
        self._targets = Targets(folder)

    async def make(
        self, delivery: Delivery, source: Path, change: Change, applied: Applied | None = None, *, file: bool = False
    ) -> Outcome:
        """The outgoing form of an instance; with `file` in a file, for somebody who reads it. `CannotChangeNow`."""
        way = local_way(change)
        found = None if way is None else await asyncio.to_thread(pseudonym_of, delivery.instance, source, way)
        if isinstance(found, Held):
            return found
        kept, key = self._kept.get(delivery.id), (change, found, file)
        if kept is not None and kept.key == key and kept.ready.path.exists():
            kept.resting = False
            return kept.ready
        self.forget(delivery.id)
        target = self._targets.one() if change.transfer_syntax is not None else self._targets.another()
        instance = delivery.instance
        original = Original(source, instance.data_set_offset, instance.size, instance.transfer_syntax_uid)
        sent = change if found is None else without_store(change)
        limits = self._limits or Limits.for_object(instance.size)
        try:
            job = job_of(delivery.id, original, target, sent, found, 0 if file else MOST_NEW)
            done = await self._pool.run(job, limits)
        except BaseException:
            self._targets.remove(target)
            raise
        if isinstance(done, Failed):
            self._targets.remove(target)
            return _failed(done)
        made = outcome_of(delivery.id, done.value)
        if made is None or (isinstance(made, Ready) and not _is_of(made, source, target)):
            self._targets.remove(target)
            log.error("a worker gave what belongs to another instance")
            raise CannotChangeNow("a worker gave what belongs to another instance")
        if change.transfer_syntax is not None and not (isinstance(made, Ready) and made.path == target):
            self._targets.remove(target)  # it was another instance's file
        if isinstance(made, Ready):
            self._keep(delivery, key, made, applied)
        return made

    def syntax_of(self, delivery: Delivery) -> str:
        """The transfer syntax that the instance is sent in."""
        kept = self._kept.get(delivery.id)
        return kept.ready.transfer_syntax_uid if kept is not None else delivery.instance.transfer_syntax_uid

    def sent(self, delivery: Delivery) -> Sent | None:
        """What goes out instead of what came in, for the transfer log; None where that is the same."""
        kept = self._kept.get(delivery.id)
        if kept is None or not (kept.ready.patches or self._has_written(kept.ready)):
            return None
        ready, applied = kept.ready, kept.applied
        beginning = beginning_of(ready.patches, ready.data_set_offset, _BEGINNING)
        if not ready.patches:
            try:
                with ready.path.open("rb") as file:
                    file.seek(ready.data_set_offset)
                    beginning = file.read(_BEGINNING)
            except OSError:  # the log is poorer for it, nothing else
                beginning = b""
        profile = f"{applied.name} {applied.version}".strip() if applied is not None else ""
        fingerprint = applied.fingerprint if applied is not None else ""
        return Sent(ready.sop_instance_uid, ready.transfer_syntax_uid, beginning, profile, fingerprint, ready.digest)

    def forget(self, delivery: int, *, delivered: bool = False) -> None:
        """The delivery is settled, or its file is no longer wanted; once it is delivered nobody reads that any more."""
        kept = self._kept.pop(delivery, None)
        if kept is not None and self._has_written(kept.ready):
            self._space(-kept.ready.size)
            if delivered:
                self._targets.lay_by(kept.ready.path, kept.ready.size)
            else:
                self._targets.remove(kept.ready.path)

    def rest(self, delivery: int) -> None:
        """The delivery waits for another attempt. Too many of such files and patches are given up, the oldest first."""
        kept = self._kept.get(delivery)
        if kept is None:
            return
        kept.resting = True
        resting = [key for key, each in self._kept.items() if each.resting] if len(self._kept) > _MOST_KEPT else []
        for key in resting[: len(self._kept) - _MOST_KEPT]:
            self.forget(key)
        patched = sum(each.patched for each in self._kept.values() if each.resting)
        for key in [key for key, each in self._kept.items() if each.resting and each.patched]:
            if patched <= self._most_patches:
                break
            patched -= self._kept[key].patched
            self.forget(key)

    def forget_destination(self, destination: str) -> None:
        """The destination is gone."""
        for key in [key for key, each in self._kept.items() if each.destination == destination]:
            self.forget(key)

    async def close(self) -> None:
        """End the workers."""
        await self._pool.close()
        self._targets.close()

    def _keep(self, delivery: Delivery, key: _Key, ready: Ready, applied: Applied | None) -> None:
        self._kept[delivery.id] = _Kept(delivery.destination, key, ready, applied)
        if self._has_written(ready):
            self._space(ready.size)

    def _has_written(self, ready: Ready) -> bool:
        return ready.path.parent == self._folder


def _is_of(ready: Ready, source: Path, target: Path) -> bool:
    """Whether a worker speaks of the instance that it was given: another one's would be another patient's."""
    return ready.path == source or (ready.path == target and not ready.patches)


def _failed(failed: Failed) -> Held:
    if failed.worth_retrying:
        raise CannotChangeNow(failed.message)
    log.warning("an instance could not be changed", extra={"cause": str(failed.cause), "error": failed.message})
    return held_by(failed)
