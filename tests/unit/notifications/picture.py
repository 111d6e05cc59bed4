# SPDX-License-Identifier: Apache-2.0
"""`python -m tests.unit.notifications.picture`: docs/images/notification.png, a real mail as Chromium shows it.

The picture carries a digest of the HTML that it is of, so that a test notices when the mail looks different by now.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from dromos_gateway.configuration.settings import NotificationSettings
from dromos_gateway.notifications.content import Report, SeriesReport
from dromos_gateway.notifications.mail import compose

PICTURE = Path(__file__).parents[3] / "docs/images/notification.png"
DIGEST = "HTML"  # the PNG's text chunk
_UID = "1.2.826.0.1.3680043.8.498"
_CT, _DOSE = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.88.67"
_SETTINGS = NotificationSettings(
    ("pacs-team@example.org",), "**ERROR**", "**REJECTED**", "[Dromos Notification] %s %.30s",
    ("PatientID", "StudyDescription"), 45.0, None,
)  # fmt: skip


def _series(number: int, modality: str, description: str, sop_class: str, *counts: int, **reasons: int) -> SeriesReport:
    values = {"SeriesInstanceUID": f"{_UID}.{number}", "Modality": modality, "SeriesDescription": description}
    return SeriesReport(values | {"SeriesDate": "20260214"}, [sop_class], *counts, reasons)


REPORT = Report(
    "imaging/research",
    "ORTHANC at research:4242",
    "imaging/radiology",
    "CT1",
    1771065015.0,
    1771065060.0,
    {
        "PatientID": "P-20260214-7",
        "StudyDescription": "CT Thorax/Abdomen",
        "StudyDate": "20260214",
        "StudyTime": "103015",
        "AccessionNumber": "A1",
        "StudyInstanceUID": f"{_UID}.45787841905188114038904",
    },
    (
        _series(1001, "CT", "Thorax 1.0 Br59", _CT, 412, 0, 0),
        _series(1002, "SR", "Dose report", _DOSE, 0, 1, 0, **{f"SOP class {_DOSE} is not in authorizedSOPClasses": 1}),
        _series(1003, "CT", "Abdomen 2.0 Br40", _CT, 206, 0, 3, **{"Refused: 0xA700 Refused: out of resources": 3}),
    ),
)


def html() -> str:
    """The mail's part that is shown."""
    message = compose(REPORT, _SETTINGS, "dromos@example.org", "<1@example.org>", REPORT.last_at)
    body = message.get_body(("html",))
    assert body is not None
    return str(body.get_content())


def digest() -> str:
    """Of what is shown."""
    return hashlib.sha256(html().encode()).hexdigest()


def show(content: str, target: Path, *, width: int = 820, height: int = 760) -> None:
    """Have Chromium show a page, and keep what can be seen of it."""
    with tempfile.TemporaryDirectory() as scratch:
        page, shot = Path(scratch) / "mail.html", Path(scratch) / "shot.png"
        page.write_text(content)
        chromium = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        words = [*chromium, f"--screenshot={shot}", f"--window-size={width},{height}", f"--user-data-dir={scratch}/u"]
        subprocess.run([*words, page.as_uri()], check=True, capture_output=True, timeout=120)
        known = PngInfo()
        known.add_text(DIGEST, hashlib.sha256(content.encode()).hexdigest())
        Image.open(shot).save(target, pnginfo=known, optimize=True)


if __name__ == "__main__":
    show(html(), Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE)
