# SPDX-License-Identifier: Apache-2.0
"""A destination with mails, and a report of a study."""

from __future__ import annotations

from dromos_gateway.configuration.settings import DestinationSettings, NotificationSettings
from dromos_gateway.notifications.content import Report, SeriesReport

KEY = "default/archive"
SETTINGS = NotificationSettings(
    ("a@example.org", "b@example.org"), "**ERROR**", "**REJECTED**", "[Dromos Notification] %s %.30s",
    ("PatientID", "StudyDescription"), 45.0, None,
)  # fmt: skip
DESTINATION = DestinationSettings(KEY, "default/radiology", 1, True, False, None, None, 1.0, notifications=SETTINGS)
STUDY = {"PatientID": "PAT1", "StudyDescription": "Thorax", "StudyInstanceUID": "1.2.3", "StudyDate": "20260131"}


def report(*, excluded: int = 0, failed: int = 0, **study: str) -> Report:
    series = SeriesReport(
        {"SeriesInstanceUID": "1.2.3.4", "Modality": "CT", "SeriesDescription": study.get("StudyDescription", "axial")},
        ["1.2.840.10008.5.1.4.1.1.2"], 3, excluded, failed, {"Refused: 0xA900": failed} if failed else {},
    )  # fmt: skip
    return Report(KEY, "ARCHIVE at pacs:104", "default/radiology", "CT1", 1.0, 2.0, {**STUDY, **study}, (series,))
