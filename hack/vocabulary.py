#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write gateway/dromos_gateway/deid/vocabulary.txt: the words of DICOM's coded concepts and attribute names.

They come from pydicom's tables of PS3.16 and PS3.6. Words of two letters stay out, but for
a few: they are initials and family names, too.
"""

from __future__ import annotations

import re
from pathlib import Path

from pydicom._dicom_dict import DicomDictionary
from pydicom.sr._concepts_dict import concepts

TARGET = Path(__file__).parent.parent / "gateway" / "dromos_gateway" / "deid" / "vocabulary.txt"
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
# what technicians write that no code has
_SHORT = "an ap ax at by cr ct dx ed er iv lt mg mm mr nm no of on op or pa pd pt rf rt sc st tf to us vs xa xr"
_USUAL = [
    "abd",
    "abdo",
    "abdominal",
    "apical",
    "axial",
    "bilateral",
    "bolus",
    "breath",
    "cerebral",
    "cervical",
    "chest",
    "contrast",
    "coronal",
    "cta",
    "ctpa",
    "delayed",
    "dixon",
    "dwi",
    "flair",
    "follow",
    "fov",
    "gad",
    "hand",
    "hrct",
    "inferior",
    "injection",
    "ivp",
    "lateral",
    "left",
    "liver",
    "localiser",
    "localizer",
    "lower",
    "lumbar",
    "lung",
    "mip",
    "mpr",
    "mprage",
    "neck",
    "non",
    "oblique",
    "paediatric",
    "pediatric",
    "pelvis",
    "phase",
    "portal",
    "post",
    "posterior",
    "pre",
    "prone",
    "protocol",
    "recon",
    "right",
    "routine",
    "sagittal",
    "scout",
    "screening",
    "series",
    "sequence",
    "skull",
    "slice",
    "soft",
    "spine",
    "stir",
    "study",
    "supine",
    "survey",
    "thin",
    "thick",
    "thoracic",
    "thorax",
    "tissue",
    "topogram",
    "tra",
    "upper",
    "venous",
    "volume",
    "with",
    "without",
    "window",
]


def main() -> None:
    """Gather and write."""
    names = [keyword for *_, keyword in DicomDictionary.values()]
    names += [name for scheme in concepts.values() for name in scheme]
    names += [meaning for scheme in concepts.values() for codes in scheme.values() for meaning, *_ in codes.values()]
    words = {part.lower() for name in names for part in _PARTS.findall(name)} | set(_USUAL)
    words = {word for word in words if len(word) > 2 and word.isascii()} | set(_SHORT.split())
    TARGET.write_text("\n".join(sorted(words)) + "\n", encoding="ascii")
    print(f"{len(words)} words in {TARGET}")


if __name__ == "__main__":
    main()
