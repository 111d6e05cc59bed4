# SPDX-License-Identifier: Apache-2.0
"""Transfer syntaxes (PS3.5 10, Annex A): which a Destination may ask for, and which one an instance is sent in."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum

IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1.99"
EXPLICIT_VR_BIG_ENDIAN = "1.2.840.10008.1.2.2"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.57"
JPEG_LOSSLESS_SV1 = "1.2.840.10008.1.2.4.70"
JPEG_LS_LOSSLESS = "1.2.840.10008.1.2.4.80"
JPEG_LS_NEAR_LOSSLESS = "1.2.840.10008.1.2.4.81"
JPEG_2000_LOSSLESS = "1.2.840.10008.1.2.4.90"
JPEG_2000 = "1.2.840.10008.1.2.4.91"
HTJ2K_LOSSLESS = "1.2.840.10008.1.2.4.201"
HTJ2K_LOSSLESS_RPCL = "1.2.840.10008.1.2.4.202"
HTJ2K = "1.2.840.10008.1.2.4.203"
RLE_LOSSLESS = "1.2.840.10008.1.2.5"


class Family(StrEnum):
    """How frames are coded."""

    NATIVE = "native"
    RLE = "RLE"
    JPEG = "JPEG"
    JPEG_LS = "JPEG-LS"
    JPEG_2000 = "JPEG 2000"


@dataclass(frozen=True, slots=True)
class TransferSyntax:
    """What Dromos knows of one transfer syntax."""

    uid: str
    name: str
    family: Family
    lossy: bool = False
    encoded: bool = True  # whether Dromos writes it


_KNOWN = (
    TransferSyntax(IMPLICIT_VR_LITTLE_ENDIAN, "Implicit VR Little Endian", Family.NATIVE),
    TransferSyntax(EXPLICIT_VR_LITTLE_ENDIAN, "Explicit VR Little Endian", Family.NATIVE),
    TransferSyntax(DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, "Deflated Explicit VR Little Endian", Family.NATIVE),
    TransferSyntax(EXPLICIT_VR_BIG_ENDIAN, "Explicit VR Big Endian", Family.NATIVE, encoded=False),
    TransferSyntax(RLE_LOSSLESS, "RLE Lossless", Family.RLE),
    TransferSyntax(JPEG_BASELINE, "JPEG Baseline", Family.JPEG, lossy=True),
    TransferSyntax(JPEG_EXTENDED, "JPEG Extended", Family.JPEG, lossy=True),
    TransferSyntax(JPEG_LOSSLESS, "JPEG Lossless", Family.JPEG),
    TransferSyntax(JPEG_LOSSLESS_SV1, "JPEG Lossless SV1", Family.JPEG),
    TransferSyntax(JPEG_LS_LOSSLESS, "JPEG-LS Lossless", Family.JPEG_LS),
    TransferSyntax(JPEG_LS_NEAR_LOSSLESS, "JPEG-LS Near-lossless", Family.JPEG_LS, lossy=True),
    TransferSyntax(JPEG_2000_LOSSLESS, "JPEG 2000 Lossless", Family.JPEG_2000),
    TransferSyntax(JPEG_2000, "JPEG 2000", Family.JPEG_2000, lossy=True),
    TransferSyntax(HTJ2K_LOSSLESS, "High-Throughput JPEG 2000 Lossless", Family.JPEG_2000),
    TransferSyntax(HTJ2K_LOSSLESS_RPCL, "High-Throughput JPEG 2000 Lossless RPCL", Family.JPEG_2000),
    TransferSyntax(HTJ2K, "High-Throughput JPEG 2000", Family.JPEG_2000, lossy=True, encoded=False),
)
KNOWN: dict[str, TransferSyntax] = {syntax.uid: syntax for syntax in _KNOWN}
ENCODED = frozenset(syntax.uid for syntax in _KNOWN if syntax.encoded)

_UNCOMPRESSED = frozenset(uid for uid, syntax in KNOWN.items() if syntax.family in (Family.NATIVE, Family.RLE))
_TO_EXPLICIT = frozenset((IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN, RLE_LOSSLESS))


def output_syntax(
    source: str,
    configured: str | None,
    *,
    only_uncompressed: bool,
    can_transcode: Callable[[str, str], bool] = lambda source, target: source in KNOWN and target in ENCODED,
) -> str:
    """The transfer syntax an instance is sent in where one is configured, as Karnak has it.

    `can_transcode` is asked for (source, target) and may know more of the image than its syntax. A Destination that
    configures none does not come here: it sends the original.
    """
    if only_uncompressed and source not in _UNCOMPRESSED:
        return source
    if configured and (configured == source or can_transcode(source, configured)):
        return configured
    return EXPLICIT_VR_LITTLE_ENDIAN if source in _TO_EXPLICIT else source


def negotiated_syntax(wanted: str, accepted: Collection[str]) -> str | None:
    """Which of the syntaxes a peer accepted is used; None when neither the wanted one nor an uncompressed one is."""
    for syntax in (wanted, EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN):
        if syntax in accepted:
            return syntax
    return None


def objection(configured: str) -> str | None:
    """What is wrong with a configured transfer syntax; None when Dromos writes it."""
    if configured in ENCODED:
        return None
    known = KNOWN.get(configured)
    name = f"{known.name} ({configured})" if known is not None else configured
    written = ", ".join(f"{syntax.uid} {syntax.name}" for syntax in _KNOWN if syntax.encoded)
    return f"{name} is not written; there are {written}"
