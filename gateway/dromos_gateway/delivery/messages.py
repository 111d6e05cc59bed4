# SPDX-License-Identifier: Apache-2.0
"""What the main process and the sending process tell each other: tuples, several for each instance."""

from __future__ import annotations

from typing import NamedTuple

from dromos_gateway.configuration.settings import AlbumSettings, PeerSettings, StowSettings
from dromos_gateway.delivery.outcome import Outcome
from dromos_gateway.dimse.patchwork import Patchwork

Kind = tuple[str, str]  # SOP class, transfer syntax


class Parcel(NamedTuple):
    """One instance to be sent as it lies in a file, or as patches make it: from `data_set_offset` to `size`."""

    key: int  # the delivery's
    path: str
    data_set_offset: int
    size: int
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    attempts: int  # this one counted
    study: str = ""  # what goes together where several go at once
    patches: Patchwork = ()

    def __repr__(self) -> str:
        """Nothing of a patient."""
        return f"Parcel({self.key})"


class Begin(NamedTuple):
    """A lane to this peer exists from now on; nothing is opened yet."""

    lane: int
    peer: PeerSettings | StowSettings


class Open(NamedTuple):
    """Open the lane's association for these kinds before there is anything to carry. Answered by `Opened`."""

    lane: int
    kinds: tuple[Kind, ...]


class Load(NamedTuple):
    """Send these, one after the other. Each is answered by `Done`, or named in `Returned`."""

    lane: int
    parcels: tuple[Parcel, ...]
    kinds: tuple[Kind, ...]  # what else waits, for the negotiation; empty: as before
    stumbles: int = 0  # of the lane that are known of: others are still on their way


class Recall(NamedTuple):
    """Give back what is not begun: it was decided by rules that hold no longer. Answered by `Returned`."""

    lane: int


class Release(NamedTuple):
    """Finish what is loaded, end the association in order, forget the lane. Answered by `Ended`."""

    lane: int


class Abort(NamedTuple):
    """End the lane at once, whatever it carries. Answered by `Ended`."""

    lane: int


class Probe(NamedTuple):
    """Ask the peer whether it lives. Answered by `Answered`."""

    number: int
    peer: PeerSettings | StowSettings


class Share(NamedTuple):
    """Share a series into a Kheops album. Answered by `Answered`."""

    number: int
    album: AlbumSettings
    study_instance_uid: str
    series_instance_uid: str

    def __repr__(self) -> str:
        """Nothing of a patient."""
        return f"Share({self.number})"


Order = Begin | Open | Load | Recall | Release | Abort | Probe | Share


class Opened(NamedTuple):
    """The association is open, or why it is not."""

    lane: int
    error: str | None


class Done(NamedTuple):
    """What an attempt came to."""

    lane: int
    key: int
    outcome: Outcome
    connected: bool  # whether the association stands


class Returned(NamedTuple):
    """Not tried: the parcel before them could not be delivered, or they were recalled."""

    lane: int
    keys: tuple[int, ...]
    stumbled: bool = False  # it happened now; without it, they were loaded before that was known


class Ended(NamedTuple):
    """The lane is gone."""

    lane: int


class Trouble(NamedTuple):
    """What is wrong with a peer, and in how many seconds it wants to be asked again, where it says so."""

    message: str
    retry_after: float | None = None


class Answered(NamedTuple):
    """What a question came to: None, or what is wrong."""

    number: int
    trouble: Trouble | None


Report = Opened | Done | Returned | Ended | Answered
