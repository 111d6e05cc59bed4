# SPDX-License-Identifier: Apache-2.0
"""Long values besides pixels (documents, meshes, raw data) go from one encoding to another without being in memory."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from dromos_crds import transfer_syntaxes as ts
from dromos_gateway.pixels.change import change_pixels
from dromos_gateway.pixels.outcome import PixelsChanged
from dromos_gateway.pixels.plan import PixelPlan
from dromos_gateway.workers.job import Done, Job, Limits
from dromos_gateway.workers.pool import Pool
from tests.pixels import peers
from tests.pixels.samples import Kind, dataset, save

NATIVE = (
    ts.IMPLICIT_VR_LITTLE_ENDIAN, ts.EXPLICIT_VR_LITTLE_ENDIAN, ts.DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
)  # fmt: skip
CONTENT = bytes(range(256)) * (5 << 10)  # 1.25 MiB
LONGER = CONTENT * 4


def document(*, pixels: bool) -> Dataset:
    ds = dataset(Kind(allocated=16, stored=12))
    if not pixels:
        del ds.PixelData
    ds.add_new(0x00090010, "LO", "DROMOS TEST")
    ds.add_new(0x00091001, "UN", CONTENT)
    ds.add_new(0x00091002, "OW", CONTENT)
    ds.add_new(0x00420011, "OB", CONTENT)
    ds.add_new(0x00660016, "OF", LONGER)
    ds.add_new(0x00690010, "LO", "DROMOS TEST")
    return ds


@pytest.mark.parametrize("pixels", [True, False])
@pytest.mark.parametrize("first", [*NATIVE[:2], ts.EXPLICIT_VR_BIG_ENDIAN], ids=lambda uid: ts.KNOWN[uid].name)
@pytest.mark.parametrize("second", [*NATIVE, ts.RLE_LOSSLESS, ts.JPEG_2000], ids=lambda uid: ts.KNOWN[uid].name)
def test_they_are_what_they_were(first: str, second: str, pixels: bool, tmp_path: Path) -> None:
    ds, source, target = document(pixels=pixels), tmp_path / "source.dcm", tmp_path / "target.dcm"
    if first == ts.EXPLICIT_VR_BIG_ENDIAN:
        ds[0x00091001].VR = "OB"  # of what is unknown nobody can tell where words begin
        peers.run("dcmconv", "+tb", save(ds, tmp_path / "little.dcm"), source)
    else:
        save(ds, source, first)
    plan = PixelPlan(transfer_syntax=second, only_uncompressed=False)
    outcome = change_pixels(source, target, plan)
    assert isinstance(outcome, PixelsChanged)
    if not outcome.written:
        return
    found = dcmread(target)
    for tag in (0x00091001, 0x00091002, 0x00420011):
        assert found[tag].value == CONTENT, hex(tag)
    assert found[0x00660016].value == LONGER
    assert [element.tag for element in found] == sorted(element.tag for element in found)
    assert found[0x00690010].value == "DROMOS TEST"
    peers.run("dcmdump", "-q", target)
    if outcome.lossy:
        raw = 45 * 60 * 2
        assert float(found.LossyImageCompressionRatio) == pytest.approx(raw / len(found.PixelData), rel=0.1)


async def test_a_document_larger_than_the_memory_of_a_worker(tmp_path: Path) -> None:
    ds, size = dataset(Kind()), 200 << 20
    del ds.PixelData
    ds.EncapsulatedDocument = bytes(range(256)) * (size >> 8)
    source, target = save(ds, tmp_path / "source.dcm", ts.IMPLICIT_VR_LITTLE_ENDIAN), tmp_path / "target.dcm"
    del ds
    plan = PixelPlan(transfer_syntax=ts.JPEG_LS_LOSSLESS)
    async with Pool(1) as pool:
        job = Job[object]("dromos_gateway.pixels.change:change_pixels", (source, target, plan))
        answer = await pool.run(job, Limits(memory=180 << 20))
    assert isinstance(answer, Done), answer
    found = dcmread(target, defer_size=1 << 20)
    assert found.file_meta.TransferSyntaxUID == ts.EXPLICIT_VR_LITTLE_ENDIAN
    assert tail_of(target, size) == tail_of(source, size)


def tail_of(path: Path, size: int) -> str:
    """The digest of the last bytes of a file."""
    with path.open("rb") as file:
        file.seek(-size, 2)
        return hashlib.file_digest(file, "sha256").hexdigest()
