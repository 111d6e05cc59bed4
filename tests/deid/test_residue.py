# SPDX-License-Identifier: Apache-2.0
"""2,000 instances of 40 SOP classes: of what was planted, nothing comes out."""

from __future__ import annotations

import json
import os
import zlib
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from dromos_gateway.deid.deidentify import Instance, deidentify
from dromos_gateway.deid.outcomes import Changed
from dromos_gateway.deid.plan import Recipe, compile_plan
from dromos_gateway.dimse.part10 import read_head
from tests.deid.corpus import CHARACTER_SETS, SOP_CLASSES, STYLES, instance, twin
from tests.deid.residue import residue
from tests.deid.writer import Deflated, part10

INSTANCES = 2000
BASIC = json.dumps({"name": "basic", "profileElements": [{"codename": "basic.dicom.profile"}]})


def _scan(first: int, last: int, folder: Path) -> tuple[int, list[str]]:
    """Instances changed, and what is wrong with them."""
    plan = compile_plan(Recipe(BASIC, "study", bytes(range(16))))
    wrong: list[str] = []
    for number in range(first, last):
        content, planted, style = instance(number)
        assert len(planted.markers) > 350
        path, target = folder / f"{number}.dcm", folder / f"{number}.out"
        path.write_bytes(content)
        outcome = deidentify(
            Instance(path, read_head(path).data_set_offset, style.syntax), target, plan, f"PSEUDO{number % 9}"
        )
        if not isinstance(outcome, Changed):
            wrong.append(f"{number}: {outcome}")
            continue
        left = residue(target.read_bytes(), planted)
        wrong += [f"{number}: {place}" for place in left]
        path.unlink()
        target.unlink()
    return last - first, wrong


def test_nothing_is_left(tmp_path: Path) -> None:
    assert len(SOP_CLASSES) == 40
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        step = 250
        jobs = [pool.submit(_scan, first, first + step, tmp_path) for first in range(0, INSTANCES, step)]
        results = [job.result() for job in jobs]
    assert sum(count for count, _ in results) == INSTANCES
    assert [text for _, wrong in results for text in wrong][:20] == []


def test_what_a_rule_keeps_is_found(tmp_path: Path) -> None:
    rules = [
        {"codename": "action.on.specific.tags", "action": "K", "tags": ["(0010,4000)"]},
        {"codename": "basic.dicom.profile"},
    ]
    plan = compile_plan(Recipe(json.dumps({"profileElements": rules}), "study", bytes(range(16))))
    content, planted, style = instance(1)
    path, target = tmp_path / "in", tmp_path / "out"
    path.write_bytes(content)
    outcome = deidentify(Instance(path, read_head(path).data_set_offset, style.syntax), target, plan, "PSEUDO")
    assert isinstance(outcome, Changed)
    assert residue(target.read_bytes(), planted) == ["(0010,4000) LT"] * 2  # in ASCII, and in its own characters


@pytest.mark.parametrize("number", range(len(STYLES) * 7))
def test_the_scanner_finds_what_was_planted(number: int) -> None:
    content, planted, _ = instance(number)
    found = set(residue(content, planted))
    assert found == {*planted.markers.values(), *planted.values.values()}


def test_the_scanner_knows_other_encodings() -> None:
    _, planted, _ = instance(2)
    marker, place = next(iter(planted.markers.items()))
    for encoding in ("utf-8", "utf-16-le", "utf-16-be", "iso2022_jp"):
        assert residue(f"é{marker}".encode(encoding, "ignore"), planted) == [place]
    assert len({codec for _, codec, _ in CHARACTER_SETS}) == 5
    wide = ("utf-8", "utf-16-le", "utf-16-be", "iso2022_jp", "gb18030", "gbk", "euc_kr", "shift_jis", "iso_ir_58")
    for encoding in wide:
        codec = "gb2312" if encoding == "iso_ir_58" else encoding
        assert residue(f"words {twin(marker[2:], 'utf-8')}".encode(codec), planted) == [place], encoding
    for encoding in ("latin-1", "utf-8", "utf-16-le", "utf-16-be"):
        assert set(residue(f"words {twin(marker[2:], 'latin-1')}".encode(encoding), planted)) == {place}, encoding
    value, place = next(iter(planted.values.items()))
    for encoding in ("ascii", "utf-16-le", "utf-16-be"):
        assert residue(f" {value} ".encode(encoding), planted) == [place], encoding


def test_nothing_is_left_in_what_is_deflated(tmp_path: Path) -> None:
    plan = compile_plan(Recipe(BASIC, "study", bytes(range(16))))
    path, target = tmp_path / "in", tmp_path / "out"
    for number in range(0, 2 * len(STYLES) * 7, len(STYLES) * 7):  # the first style: explicit VR little endian
        content, planted, style = instance(number)
        assert style == STYLES[0]
        path.write_bytes(content)
        body = content[read_head(path).data_set_offset :]
        machine = zlib.compressobj(wbits=-15)
        path.write_bytes(part10("1.2", "1.2.3", machine.compress(body) + machine.flush(), Deflated()))
        deflated = Instance(path, read_head(path).data_set_offset, Deflated().syntax)
        assert isinstance(deidentify(deflated, target, plan, "PSEUDO"), Changed)
        written = target.read_bytes()
        inflated = zlib.decompressobj(wbits=-15).decompress(written[read_head(target).data_set_offset :])
        assert len(inflated) > 1000
        assert residue(written, planted) == residue(inflated, planted) == []
