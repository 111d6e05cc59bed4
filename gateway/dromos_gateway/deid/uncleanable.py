# SPDX-License-Identifier: Apache-2.0
"""SOP classes whose content no header rule can clean: reports, documents, voices, video, screen shots."""

from __future__ import annotations

from typing import Final

from dromos_crds.profiles.confidentiality import Option

_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."
_VIDEO: Final = frozenset(_STORAGE + suffix for suffix in ("77.1.1.1", "77.1.2.1", "77.1.4.1"))
_AUDIO: Final = frozenset((_STORAGE + "9.4.1", _STORAGE + "9.4.2"))  # voices
# MPEG-2, MPEG-4, HEVC
_VIDEO_SYNTAXES: Final = tuple(f"1.2.840.10008.1.2.4.{number}" for number in range(100, 109))


def uncleanable(
    sop_class_uid: str, transfer_syntax_uid: str, options: frozenset[Option], *, masked: bool, says_burned_in: bool
) -> str | None:
    """What is in an instance that can't be cleaned; None: nothing.

    `masked`: a mask of the profile is drawn on it. `says_burned_in`: Burned In Annotation (0028,0301) is YES.
    """
    if sop_class_uid.startswith(_STORAGE + "88.") and Option.CLEAN_STRUCTURED_CONTENT not in options:
        return "a structured report"
    if sop_class_uid.startswith(_STORAGE + "104."):
        return "an encapsulated document"
    if sop_class_uid in _AUDIO:
        return "a recording of sound"
    if sop_class_uid in _VIDEO or transfer_syntax_uid.startswith(_VIDEO_SYNTAXES):
        return "a video"
    if masked:
        return None
    if sop_class_uid == _STORAGE + "7" or sop_class_uid.startswith(_STORAGE + "7."):
        return "a secondary capture that no mask is for"
    return "burned-in annotation that no mask is for" if says_burned_in else None
