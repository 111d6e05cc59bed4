#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write crds/dromos_crds/dictionary.txt: tag, VR and keyword of every attribute of PS3.6 §6, as pydicom knows them.

And of the attributes with repeating groups, gateway/dromos_gateway/header/repeating.txt: pattern and VR, and
crds/dromos_crds/repeating.txt: the tag of the first group, and keyword.

The gateway and the operator look keywords up without importing pydicom, which would cost each of them 45 MB.
"""

from __future__ import annotations

from pathlib import Path

from pydicom._dicom_dict import DicomDictionary, RepeatersDictionary

REPEATING = Path(__file__).parent.parent / "gateway" / "dromos_gateway" / "header" / "repeating.txt"
REPEATED = Path(__file__).parent.parent / "crds" / "dromos_crds" / "repeating.txt"
TARGET = Path(__file__).parent.parent / "crds" / "dromos_crds" / "dictionary.txt"

if __name__ == "__main__":
    lines = [
        f"{tag:08X} {vr.replace(' or ', '/') or '--'} {keyword}\n"
        for tag, (vr, _, _, _, keyword) in sorted(DicomDictionary.items())
        if keyword
    ]
    TARGET.write_text("".join(lines), encoding="ascii")
    print(f"{len(lines)} attributes in {TARGET}")
    patterns = [f"{tag} {vr.replace(' or ', '/')}\n" for tag, (vr, *_) in sorted(RepeatersDictionary.items())]
    REPEATING.write_text("".join(patterns), encoding="ascii")
    first = [f"{tag.replace('x', '0').upper()} {entry[4]}\n" for tag, entry in sorted(RepeatersDictionary.items())]
    REPEATED.write_text("".join(line for line in first if len(line) > 10), encoding="ascii")
    print(f"{len(patterns)} repeating groups in {REPEATING}")
