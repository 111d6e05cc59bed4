# SPDX-License-Identifier: Apache-2.0
"""One association to a destination, opened for exactly what waits and kept while there is work."""

from __future__ import annotations

from collections.abc import Iterable

from dromos_gateway.dimse.errors import ContextRefused
from dromos_gateway.dimse.requestor import Association, Peer, ProposedContext, StoredObject, StoreResponse
from dromos_gateway.dimse.uids import VERIFICATION

MOST_CONTEXTS = 128  # PS3.8 9.3.2.2: odd numbers from 1 to 255
Kind = tuple[str, str]  # SOP class, transfer syntax


class AssociationLane:
    """At most one association at a time."""

    def __init__(self) -> None:
        self._association: Association | None = None
        self._proposed: frozenset[Kind] = frozenset()
        self._peer: Peer | None = None
        self.sending = False  # whether the last attempt got as far as an instance

    @property
    def connected(self) -> bool:
        """Whether an association is open."""
        return self._association is not None and self._association.is_open

    def suits(self, peer: Peer, kind: Kind) -> bool:
        """Whether the open association is to this peer and was asked for this kind."""
        return self.connected and peer is self._peer and kind in self._proposed

    async def open(self, peer: Peer, kinds: Iterable[Kind]) -> None:
        """Negotiate exactly these kinds, the first 128 of them. DimseError as `Association.open` raises it."""
        await self.release()
        wanted = list(dict.fromkeys(kinds))[:MOST_CONTEXTS]
        contexts = [ProposedContext(sop_class, (transfer_syntax,)) for sop_class, transfer_syntax in wanted]
        self._association = await Association.open(peer, contexts)
        self._proposed, self._peer = frozenset(wanted), peer

    async def store(self, peer: Peer, instance: StoredObject, waiting: Iterable[Kind]) -> StoreResponse:
        """Send one instance, negotiating anew where the open association was not asked for its kind.

        DimseError as `Association.open` and `Association.store` raise it; ContextRefused when the peer wants the SOP
        class not, or not in that transfer syntax.
        """
        self.sending = False
        kind = (instance.sop_class_uid, instance.transfer_syntax_uid)
        if not self.suits(peer, kind):
            await self.open(peer, (kind, *waiting))
        association = self._association
        if association is None or not association.accepts(*kind):
            raise ContextRefused(f"the peer accepts SOP class {kind[0]} not in transfer syntax {kind[1]}")
        self.sending = True
        return await association.store(instance)

    async def release(self) -> None:
        """End the association in order."""
        association, self._association = self._association, None
        if association is not None and association.is_open:
            await association.release()

    def abort(self) -> None:
        """End it at once."""
        association, self._association = self._association, None
        if association is not None:
            association.abort()


async def probe(peer: Peer) -> None:
    """C-ECHO; DimseError when the peer does not answer. One that does not offer Verification is alive all the same."""
    association = await Association.open(peer, [ProposedContext(VERIFICATION, ("1.2.840.10008.1.2",))])
    try:
        await association.echo()
    except ContextRefused:
        return
    finally:
        await association.release()
