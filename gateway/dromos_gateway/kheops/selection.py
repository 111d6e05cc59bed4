# SPDX-License-Identifier: Apache-2.0
"""Which albums an instance's series goes into: conditions on what was received, UIDs of what is sent."""

from __future__ import annotations

from collections.abc import Iterable

from dromos_crds.expressions import Condition, ExpressionFailed, Values, compile_condition
from dromos_gateway.configuration.settings import AlbumSettings
from dromos_gateway.spool.records import PlannedShare

_STUDY_INSTANCE_UID = 0x0020000D
_SERIES_INSTANCE_UID = 0x0020000E


def shares_of(albums: Iterable[AlbumSettings], received: Values, sent: Values) -> tuple[PlannedShare, ...]:
    """A share for each album whose condition holds; one with an error where that cannot be told: it is not shared.

    MalformedDataSet and OSError come from the values.
    """
    study, series = sent.text(_STUDY_INSTANCE_UID), sent.text(_SERIES_INSTANCE_UID)
    if study is None or series is None:
        return ()  # the server takes no instance without them (PS3.3 C.7.2.1, C.7.3.1)
    found = []
    for album in albums:
        try:
            if _holds(album, received):
                found.append(PlannedShare(album.key, study, series))
        except ExpressionFailed as error:
            if isinstance(error.__cause__, OSError):  # says nothing of the instance
                raise error.__cause__ from None
            message = f"not shared: the condition of album {album.shown} cannot be evaluated: {error}"
            found.append(PlannedShare(album.key, study, series, message))
    return tuple(found)


def _holds(album: AlbumSettings, received: Values) -> bool:
    if album.condition is None:
        return True
    condition = compile_condition(album.condition)  # one that does not compile holds the whole destination
    return isinstance(condition, Condition) and condition.holds(received)
