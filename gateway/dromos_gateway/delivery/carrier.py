# SPDX-License-Identifier: Apache-2.0
"""One lane in the sending process: takes parcels in order, and says what became of each."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from pathlib import Path

from dromos_gateway.delivery.association import AssociationLane
from dromos_gateway.delivery.messages import Done, Ended, Kind, Opened, Parcel, Report, Returned
from dromos_gateway.delivery.outcome import Outcome, TryAgain, read_error, read_response
from dromos_gateway.dimse.errors import DimseError
from dromos_gateway.dimse.requestor import Peer, StoredObject

log = logging.getLogger(__name__)


class Carrier:
    """Works through parcels; stops at the first that must be tried again, so that its owner can think about it."""

    def __init__(self, number: int, peer: Peer, report: Callable[[Report], None]) -> None:
        self._number = number
        self._peer = peer
        self._report = report
        self._lane = AssociationLane()
        self._parcels: deque[Parcel] = deque()
        self._kinds: tuple[Kind, ...] = ()
        self._opening = self._releasing = False
        self._wanted = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    def open(self, kinds: tuple[Kind, ...]) -> None:
        """Open the association now."""
        self._kinds, self._opening = kinds, True
        self._wanted.set()

    def load(self, parcels: tuple[Parcel, ...], kinds: tuple[Kind, ...]) -> None:
        """Take more to carry."""
        self._parcels.extend(parcels)
        self._kinds = kinds or self._kinds
        self._wanted.set()

    def release(self) -> None:
        """End when everything is carried."""
        self._releasing = True
        self._wanted.set()

    def abort(self) -> None:
        """End now."""
        self._task.cancel()

    async def _run(self) -> None:
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                if self._opening:
                    self._opening = False
                    await self._open()
                while self._parcels:
                    await self._carry(self._parcels.popleft())
                if self._releasing:
                    await self._lane.release()
                    return
        finally:
            self._lane.abort()
            self._report(Ended(self._number))

    async def _open(self) -> None:
        try:
            await self._lane.open(self._peer, self._kinds)
        except DimseError as error:
            self._report(Opened(self._number, str(error)))
        except Exception as error:  # a defect of ours ends this attempt, not the lane
            log.exception("an association could not be opened")
            self._report(Opened(self._number, f"internal error: {type(error).__name__}"))
        else:
            self._report(Opened(self._number, None))

    async def _carry(self, parcel: Parcel) -> None:
        outcome = await self._send(parcel)
        self._report(Done(self._number, parcel.key, outcome, self._lane.connected))
        if isinstance(outcome, TryAgain) and self._parcels:
            self._report(Returned(self._number, tuple(each.key for each in self._parcels)))
            self._parcels.clear()

    async def _send(self, parcel: Parcel) -> Outcome:
        stored = StoredObject(
            Path(parcel.path),
            parcel.data_set_offset,
            parcel.sop_class_uid,
            parcel.sop_instance_uid,
            parcel.transfer_syntax_uid,
            parcel.size,
        )
        try:
            response = await self._lane.store(self._peer, stored, self._kinds)
        except DimseError as error:
            return read_error(error, parcel.attempts, sending=self._lane.sending)
        except Exception as error:  # a defect of ours must not lose an instance from its queue
            log.exception("sending failed")
            return TryAgain(f"internal error: {type(error).__name__}")
        return read_response(response)
