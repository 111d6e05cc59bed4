# SPDX-License-Identifier: Apache-2.0
"""What became of a study, on terminals of every width: nothing is cut off that somebody asked for, no line breaks."""

from __future__ import annotations

from typing import Any

import pytest

from dromos_gateway.commands import transferscreen

UID = f"1.2.826.0.1.3680043.8.498.{'7' * 38}"
NAMED = {
    "PatientID": "P-1",
    "AccessionNumber": "A1",
    "StudyInstanceUID": UID,
    "StudyDescription": "Thorax",
    "StudyDate": "20260214",
}
WHY = "waiting: 127.0.0.1:18724: Connection refused; check address, port and firewall"


def _series(destination: str, description: str = "Thorax 1.0 Br59", **more: Any) -> dict[str, Any]:
    named = {**NAMED, "Modality": "CT", "SeriesDescription": description}
    return {
        "study": "00", "forwardNode": "imaging/radiology", "source": "CT1", "receivedAt": "2026-01-31T10:00:00Z",
        "destination": destination, "delivered": 0, "excluded": 0, "failed": 0, "waiting": 0, "reasons": {},
        "last": "2026-01-31T10:00:05Z", "sent": named, "original": named, **more,
    }  # fmt: skip


STUDY = [
    _series("imaging/archive", delivered=412),
    _series(
        "imaging/archive",
        "Abdomen 2.0 Br40 a very long one",
        delivered=200,
        failed=3,
        reasons={"TransferSyntaxRefused": 3},
    ),
    _series("imaging/down", waiting=412, last=None, whyWaiting=WHY.removeprefix("waiting: ")),
    _series("imaging/research", delivered=412, sent={"PatientID": "F" * 32, "StudyInstanceUID": f"2.25.{'9' * 39}"}),
    _series("imaging/teaching", excluded=412, reasons={"the condition is not met": 412}),
]


@pytest.mark.parametrize("columns", [60, 80, 100, 120, 200])
def test_no_line_is_longer_than_the_terminal_and_nothing_is_missing(columns: int) -> None:
    screen = transferscreen.studies(STUDY, columns)
    table = screen[screen.index("") + 1 :]
    longest = 78 if columns == 60 else columns  # below this, counts and series stay in one line
    assert [line for line in table if len(line) > longest] == []
    assert not [line for line in screen if line != line.rstrip()]
    text = " ".join(" ".join(table).split())
    for said in (
        "imaging/archive 412 0 0 0", "imaging/down 0 0 0 412", "imaging/teaching 0 412 0 0", "3 x TransferSyntaxRefused", WHY,
        "412 x the condition is not met", f"sent as patient {'F' * 32}, study 2.25.{'9' * 39}", "2026-01-31T10:00:05Z",
        "CT Abdomen 2.0 Br40 a\u2026",
    ):  # fmt: skip
        assert said in text, said
    assert len(screen) < 24, "one screen"


def test_without_a_terminal_each_destination_and_series_is_one_line() -> None:
    lines = [line for line in transferscreen.studies(STUDY) if line.startswith("imaging/down")]
    assert [line.split()[1:5] for line in lines] == [["0", "0", "0", "412"]]
    assert lines[0].endswith(WHY)


def test_what_is_not_known_takes_no_line() -> None:
    nameless = _series("imaging/archive", delivered=1, sent={}, original=None)
    assert transferscreen.studies([nameless])[:3] == [
        "Study      (not kept)",
        "Received   2026-01-31T10:00:00Z from CT1 by imaging/radiology",
        "",
    ]
    long = {**NAMED, "StudyDescription": "x" * 256, "PatientID": "y" * 256}
    assert max(map(len, transferscreen.studies([_series("imaging/archive", sent=long, original=long)])[:3])) < 120


def test_titles_stand_above_their_columns() -> None:
    row = {
        "at": "2026-01-31T10:00:03Z", "destination": "a/b", "verdict": "Delivered", "size": 2048, "attempts": 1,
        "reason": "", "message": "", "sent": {"SOPInstanceUID": "1.2"}, "original": None,
    }  # fmt: skip
    titles, line = transferscreen.rows([row])
    assert [titles.index(title) for title in ("DESTINATION", "VERDICT", "SOP")] == [
        line.index(value) for value in ("a/b", "Delivered", "1.2")
    ]
