# SPDX-License-Identifier: Apache-2.0
"""One manifest that the API takes or refuses: a base, changes, and what the refusal must say."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

API_VERSION = "dromos.dev/v1alpha1"
DELETE = object()

STOW = {"url": "https://pacs.example/dicomweb/studies"}
DICOM = {"aeTitle": "PACS", "hostname": "pacs.example", "port": 104}
SECRET_KEY = {"secretKeyRef": {"name": "s", "key": "k"}}
PROFILE = {"name": "p", "profileElements": [{"name": "base", "codename": "basic.dicom.profile"}]}
STORED = {"projectRef": {"name": "study-a"}, "pseudonym": {"stored": {}}}
OAUTH2 = {"tokenURL": "https://idp.example/token", "secretRef": {"name": "s"}}

VALUE = ("spec.stow.headers[0].value", "no spaces at its ends")

BASES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "node": ("ForwardNode", {"aeTitle": "DROMOS"}),
    "dicom": ("Destination", {"forwardNodeRef": {"name": "radiology"}, "dicom": DICOM}),
    "stow": ("Destination", {"forwardNodeRef": {"name": "radiology"}, "stow": STOW}),
    "project": ("Project", {"profile": PROFILE}),
}


@dataclass(frozen=True)
class Case:
    """A base with changes at dotted paths; `says` is what a refusal names, () when the manifest is taken."""

    title: str
    base: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    says: tuple[str, ...] = ()

    def manifest(self, name: str = "case") -> dict[str, Any]:
        """The manifest."""
        kind, spec = copy.deepcopy(BASES[self.base])
        document = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
        for path, value in self.changes.items():
            _put(document, path.split("."), value)
        return document

    def __str__(self) -> str:
        return f"{self.base}: {self.title}"


def _put(document: dict[str, Any], path: list[str], value: Any) -> None:
    for step in path[:-1]:
        document = document.setdefault(step, {})
    if value is DELETE:
        del document[path[-1]]
    else:
        document[path[-1]] = copy.deepcopy(value)


AE, NAME = "no backslash or control character", "lower-case letters"
NO_USER = "no user information"
