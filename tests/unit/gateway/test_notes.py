# SPDX-License-Identifier: Apache-2.0
"""Deliveries noted without a sync: what a killed process leaves behind, and what is not believed."""

from __future__ import annotations

import pytest

from dromos_gateway.spool.notes import _MOST, _SIZE, Notes


@pytest.fixture
def path(tmp_path):
    return tmp_path / "delivered"


def test_a_process_that_was_killed_leaves_its_notes(path):
    killed = Notes(path)  # never closed
    killed.add(4096, 1.5, 2.5)
    left = Notes(path)
    assert left.when(4096, 1.5) == 2.5
    assert left.when(4097, 1.5) is None


def test_the_same_number_in_a_ledger_begun_anew_is_another_delivery(path):
    Notes(path).add(4096, 1.5, 2.5)
    assert Notes(path).when(4096, 1.75) is None


@pytest.mark.parametrize("place", range(_SIZE))
def test_a_damaged_note_is_not_believed(path, place):
    Notes(path).add(4096, 1.5, 2.5)
    content = bytearray(path.read_bytes())
    content[place] ^= 0x10
    path.write_bytes(content)
    assert Notes(path)._noted == {}


def test_blank_and_torn_notes_are_not_believed(path):
    path.write_bytes(bytes(10 * _SIZE) + b"torn")
    assert Notes(path)._noted == {}


def test_the_ring_keeps_the_newest_over_restarts(path):
    written = 2 * _MOST
    for start in range(0, written, _MOST // 4):
        notes = Notes(path)
        for number in range(start, start + _MOST // 4 - 1):  # an odd number: no restart meets the ring's end
            notes.add(number, 1.0, float(number))
        notes.close()
    left = Notes(path)
    assert path.stat().st_size == _MOST * _SIZE
    newest = [number for number in range(written) if (number + 1) % (_MOST // 4)][-_MOST:]
    assert set(left._noted) == {(number, 1.0) for number in newest}
