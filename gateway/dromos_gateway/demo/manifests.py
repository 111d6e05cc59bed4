# SPDX-License-Identifier: Apache-2.0
"""The manifests of the demo: everything to an archive as it is, and to a research server what may leave."""

from __future__ import annotations

import secrets
from pathlib import Path

PSEUDONYM = "HEAD-0042"
_SHOWN = """\
kind: ForwardNode
metadata: {{name: radiology}}
spec: {{aeTitle: DROMOS, spool: {{size: 1Gi}}}}
---
kind: Destination
metadata: {{name: archive}}
spec:
  forwardNodeRef: {{name: radiology}}
  dicom: {{aeTitle: ARCHIVE, hostname: 127.0.0.1, port: {archive}}}
---
kind: Destination
metadata: {{name: research}}
spec:
  forwardNodeRef: {{name: radiology}}
  stow: {{url: "http://127.0.0.1:{research}/dicom-web/studies"}}
  deidentification:
    projectRef: {{name: study-a}}
    pseudonym: {{stored: {{}}}}
---
kind: Project
metadata: {{name: study-a}}
spec:
  pseudonyms:
    secretKeyRef: {{name: study-a-pseudonyms, key: pseudonyms.csv}}
  profile:
    profileElements:
      - codename: action.on.dates
        option: shift_range
        arguments: {{min_days: 30, max_days: 365, max_seconds: 3600}}
      - codename: basic.dicom.profile
"""
_SECRETS = """\
apiVersion: v1
kind: Secret
metadata: {{name: study-a-key}}
stringData: {{active: first, first: "{key}"}}
---
apiVersion: v1
kind: Secret
metadata: {{name: study-a-pseudonyms}}
stringData:
  pseudonyms.csv: |
    PatientID,IssuerOfPatientID,Pseudonym
    {patient},,{pseudonym}
"""


def write(folder: Path, *, archive: int, research: int, patient: str) -> str:
    """Write them for receivers on these ports; the text of those that a person may see."""
    folder.mkdir()
    shown = _SHOWN.format(archive=archive, research=research)
    (folder / "demo.yaml").write_text(shown.replace("kind: ", "apiVersion: dromos.dev/v1alpha1\nkind: "))
    # a key of this run alone: nothing that the demo makes can be linked to anything else
    text = _SECRETS.format(key=secrets.token_hex(16), patient=patient, pseudonym=PSEUDONYM)
    (folder / "secrets.yaml").write_text(text)
    return shown
