# SPDX-License-Identifier: Apache-2.0
"""A lane to a peer that nothing can be opened for, as the settings are. It harms nobody but its own destination."""

from __future__ import annotations

from collections.abc import Callable

from dromos_gateway.delivery.carrying import Carrying
from dromos_gateway.delivery.messages import Done, Kind, Opened, Report
from dromos_gateway.delivery.outcome import TryAgain


class Impossible(Carrying):
    """Gives everything back with the reason why, until the configuration is another one."""

    def __init__(self, number: int, error: str, report: Callable[[Report], None]) -> None:
        super().__init__(number, report)
        self._error = error

    def open(self, kinds: tuple[Kind, ...]) -> None:
        """Say why not."""
        self._report(Opened(self._number, self._error))

    async def _carry(self) -> None:
        parcel = self._parcels.popleft()
        self._report(Done(self._number, parcel.key, TryAgain(self._error), connected=True))
        self._stumble()
