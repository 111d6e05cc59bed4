# SPDX-License-Identifier: Apache-2.0
"""Files damaged at random end in a verdict: changed, or held and no file; nothing else ever happens."""

from __future__ import annotations

import random
import warnings
from pathlib import Path

import pytest

from dromos_gateway.deid.deidentify import Instance, deidentify
from dromos_gateway.deid.outcomes import Changed, Held
from dromos_gateway.dimse.part10 import read_head
from tests.deid.corpus import instance
from tests.unit.deid.instances import BASIC, plan

_PRIVATE = {"codename": "action.on.privatetags", "action": "K"}
_SHIFT = {"codename": "action.on.dates", "option": "shift", "arguments": {"days": 1, "seconds": 1}}
_CLEANS = BASIC | {"arguments": {"cleanDescriptors": True, "retainSafePrivate": True}}
_BITS = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xfe\xff\xff\x7f", b"\xfe\xff\x00\xe0", b"UN\0\0")


@pytest.mark.parametrize("seed", range(8))
def test_a_verdict_whatever_is_damaged(tmp_path: Path, seed: int) -> None:
    generator = random.Random(seed)
    plans = (plan(), plan(compatibility="Karnak"), plan(_PRIVATE, _SHIFT, _CLEANS))
    path, target = tmp_path / "in", tmp_path / "out"
    for _ in range(60):
        content, _, style = instance(generator.randrange(2000))
        path.write_bytes(content)
        offset = read_head(path).data_set_offset
        path.write_bytes(_damaged(generator, content, offset))
        target.unlink(missing_ok=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's, about characters that are none
            outcome = deidentify(Instance(path, offset, style.syntax), target, generator.choice(plans), "PSEUDO")
        assert isinstance(outcome, Changed | Held)
        assert target.exists() is isinstance(outcome, Changed)


def _damaged(generator: random.Random, content: bytes, offset: int) -> bytes:
    raw = bytearray(content)
    for _ in range(generator.randrange(1, 6)):
        at, length = generator.randrange(offset, len(raw)), generator.randrange(1, 9)
        kind = generator.randrange(4)
        if kind == 0:
            raw[at] = generator.randrange(256)
        elif kind == 1:
            raw[at : at + 4] = generator.choice(_BITS)
        elif kind == 2:
            del raw[at : at + length]
        else:
            raw[at:at] = generator.randbytes(length)
    return bytes(raw)
