# SPDX-License-Identifier: Apache-2.0
"""The rule for which transfer syntax results; Karnak's vectors have the usual cases."""

from __future__ import annotations

import pytest

from dromos_crds import transfer_syntaxes as ts

MPEG = "1.2.840.10008.1.2.4.100"


@pytest.mark.parametrize(
    ("source", "configured", "only_uncompressed", "result"),
    [
        (ts.JPEG_BASELINE, ts.JPEG_2000_LOSSLESS, False, ts.JPEG_2000_LOSSLESS),
        (ts.JPEG_BASELINE, ts.JPEG_2000_LOSSLESS, True, ts.JPEG_BASELINE),
        (ts.EXPLICIT_VR_BIG_ENDIAN, ts.JPEG_2000_LOSSLESS, True, ts.JPEG_2000_LOSSLESS),
        (ts.DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, ts.RLE_LOSSLESS, True, ts.RLE_LOSSLESS),
        (MPEG, ts.EXPLICIT_VR_LITTLE_ENDIAN, False, MPEG),
        (ts.IMPLICIT_VR_LITTLE_ENDIAN, MPEG, True, ts.EXPLICIT_VR_LITTLE_ENDIAN),
        (ts.IMPLICIT_VR_LITTLE_ENDIAN, ts.IMPLICIT_VR_LITTLE_ENDIAN, True, ts.IMPLICIT_VR_LITTLE_ENDIAN),
        (ts.RLE_LOSSLESS, ts.RLE_LOSSLESS, True, ts.RLE_LOSSLESS),
        (ts.HTJ2K, ts.HTJ2K, False, ts.HTJ2K),
    ],
)
def test_the_rule(source: str, configured: str, only_uncompressed: bool, result: str) -> None:
    assert ts.output_syntax(source, configured, only_uncompressed=only_uncompressed) == result


def test_what_the_image_forbids_is_as_good_as_not_configured() -> None:
    wants = {"configured": ts.JPEG_BASELINE, "only_uncompressed": True, "can_transcode": lambda *_: False}
    assert ts.output_syntax(ts.RLE_LOSSLESS, **wants) == ts.EXPLICIT_VR_LITTLE_ENDIAN  # type: ignore[arg-type]
    assert ts.output_syntax(ts.EXPLICIT_VR_LITTLE_ENDIAN, **wants) == ts.EXPLICIT_VR_LITTLE_ENDIAN  # type: ignore[arg-type]


def test_a_peer_that_accepts_nothing_useful_is_sent_nothing() -> None:
    assert ts.negotiated_syntax(ts.JPEG_2000, [ts.JPEG_BASELINE]) is None
    assert ts.negotiated_syntax(ts.JPEG_2000, [ts.IMPLICIT_VR_LITTLE_ENDIAN]) == ts.IMPLICIT_VR_LITTLE_ENDIAN


def test_what_is_not_written_is_named_with_what_is() -> None:
    assert all(ts.objection(uid) is None for uid in ts.ENCODED)
    for uid in (MPEG, ts.HTJ2K, ts.EXPLICIT_VR_BIG_ENDIAN):
        message = ts.objection(uid)
        assert message is not None
        assert uid in message
        assert f"{ts.JPEG_2000_LOSSLESS} JPEG 2000 Lossless" in message
