# SPDX-License-Identifier: Apache-2.0
"""One lane in the sending process: takes parcels in order, and says what became of each."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from dromos_gateway.delivery.association import AssociationLane
from dromos_gateway.delivery.carrying import Carrying
from dromos_gateway.delivery.messages import Done, Kind, Load, Opened, Parcel, Report
from dromos_gateway.delivery.outcome import Outcome, TryAgain, read_error, read_response
from dromos_gateway.dimse.errors import DimseError
from dromos_gateway.dimse.requestor import Peer, StoredObject

log = logging.getLogger(__name__)


class Carrier(Carrying):
    """Parcels one after the other, over an association that is opened when it is needed."""

    def __init__(self, number: int, peer: Peer, report: Callable[[Report], None]) -> None:
        super().__init__(number, report)
        self._peer = peer
        self._lane = AssociationLane()
        self._kinds: tuple[Kind, ...] = ()
        self._opening = False

    def open(self, kinds: tuple[Kind, ...]) -> None:
        """Open the association now."""
        self._kinds, self._opening = kinds, True
        self._wanted.set()

    def load(self, order: Load) -> None:
        """Take more to carry."""
        self._kinds = order.kinds or self._kinds
        super().load(order)

    async def _get_ready(self) -> None:
        if self._opening:
            self._opening = False
            await self._open()

    async def _finish(self) -> None:
        await self._lane.release()

    def _leave(self) -> None:
        self._lane.abort()

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

    async def _carry(self) -> None:
        parcel = self._parcels.popleft()
        outcome = await self._send(parcel)
        self._report(Done(self._number, parcel.key, outcome, self._lane.connected))
        if isinstance(outcome, TryAgain):
            self._stumble()

    async def _send(self, parcel: Parcel) -> Outcome:
        stored = StoredObject(
            Path(parcel.path),
            parcel.data_set_offset,
            parcel.sop_class_uid,
            parcel.sop_instance_uid,
            parcel.transfer_syntax_uid,
            parcel.size,
            parcel.patches,
        )
        try:
            response = await self._lane.store(self._peer, stored, self._kinds)
        except DimseError as error:
            return read_error(error, parcel.attempts, sending=self._lane.sending)
        except Exception as error:  # a defect of ours must not lose an instance from its queue
            log.exception("sending failed")
            return TryAgain(f"internal error: {type(error).__name__}")
        return read_response(response)
