# SPDX-License-Identifier: Apache-2.0
"""What whoever keeps a log hears from the spool."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Protocol

from dromos_gateway.header import HeaderView
from dromos_gateway.spool.records import Delivery, Ending, Instance, Planned

FRONT = 4096  # bytes of a data set that are kept in memory until the log has them; more is in the file
Front = bytes | HeaderView  # the first bytes of a data set, or what somebody has read from them already


class Recorder(Protocol):
    """Who wants to hear, inside the ledger's own transactions, what becomes of instances."""

    def arrived(
        self,
        connection: sqlite3.Connection,
        instance: Instance,
        front: Front,
        plan: Sequence[Planned],
        *,
        stays: bool = True,
    ) -> None:
        """An instance came in; its id is 0 when no destination takes it.

        One that does not stay is over with this very transaction.
        """

    def settled(self, connection: sqlite3.Connection, delivery: Delivery, ending: Ending) -> None:
        """A delivery ends."""

    def discarded(self, connection: sqlite3.Connection, delivery: int, at: float) -> None:
        """A dead letter is given up by hand."""

    def revived(self, connection: sqlite3.Connection, delivery: Delivery) -> None:
        """A dead letter waits again, perhaps for another destination."""

    def flush(self, connection: sqlite3.Connection) -> None:
        """The transaction says no more."""

    def rolled_back(self) -> None:
        """Nothing of the transaction lasts."""
