# SPDX-License-Identifier: Apache-2.0
"""A lane to a peer that nothing can be opened for, as the settings are. It harms nobody but its own destination."""

from __future__ import annotations

from collections.abc import Callable

from dromos_gateway.delivery.messages import Done, Ended, Kind, Opened, Parcel, Report
from dromos_gateway.delivery.outcome import TryAgain


class Impossible:
    """Gives everything back with the reason why, until the configuration is another one."""

    def __init__(self, number: int, error: str, report: Callable[[Report], None]) -> None:
        self._number = number
        self._error = error
        self._report = report

    def open(self, kinds: tuple[Kind, ...]) -> None:
        """Say why not."""
        self._report(Opened(self._number, self._error))

    def load(self, parcels: tuple[Parcel, ...], kinds: tuple[Kind, ...]) -> None:
        """Say so of each."""
        for parcel in parcels:
            self._report(Done(self._number, parcel.key, TryAgain(self._error), connected=True))

    def release(self) -> None:
        """There is nothing to end."""
        self._report(Ended(self._number))

    def abort(self) -> None:
        """Likewise."""
        self._report(Ended(self._number))
