# SPDX-License-Identifier: Apache-2.0
"""The files a gateway reads: one manifest each, in a ConfigMap and, with everything secret, in a Secret.

The hash over them is what pods acknowledge. A change here never restarts a pod.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from dromos_crds.manifests import hash_files
from dromos_operator.kinds import Key, Object
from dromos_operator.plan import names
from dromos_operator.plan.attachment import Attachment

LARGEST = 900 * 1024  # etcd and the API server end at 1 MiB, metadata included
ADMIN_TOKEN = "admin-token"  # noqa: S105 - the name of a key


class _Dumper(yaml.SafeDumper):
    """Quotes what Kubernetes' reader, and ours, take for booleans and numbers though PyYAML does not."""


_Dumper.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^[yYnN]$"), list("yYnN"))
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9.]+[eE][-+]?[0-9]+$"), list("-+.0123456789")
)


@dataclass(frozen=True, slots=True)
class Files:
    """What is mounted; `too_large` says what keeps the last good configuration in place."""

    manifests: Mapping[str, str]
    credentials: Mapping[str, str]
    too_large: str = ""

    @property
    def hash(self) -> str:
        """What a pod reports once it runs this."""
        return hash_files({name: text.encode() for name, text in (*self.manifests.items(), *self.credentials.items())})


def files(attachment: Attachment) -> Files:
    """The files for a ForwardNode; those of before when they would be too large."""
    wanted = Files(dict(_manifests(attachment)), dict(_credentials(attachment)))
    for kind, parts in (("ConfigMap", wanted.manifests), ("Secret", wanted.credentials)):
        size = sum(len(name) + len(text.encode()) for name, text in parts.items())
        if size > LARGEST:
            largest = max(parts, key=lambda name: (len(parts[name]), name))
            message = (
                f"the {kind} would have {size // 1024} KiB, at most {LARGEST // 1024} are possible; "
                f"the largest part is {largest} with {len(parts[largest].encode()) // 1024} KiB"
            )
            before = _live(attachment)
            return Files(before.manifests, before.credentials, message)
    return wanted


def render(document: Mapping[str, Any]) -> str:
    """A document as YAML, the same text for the same content."""
    return str(yaml.dump(dict(document), Dumper=_Dumper, sort_keys=True, allow_unicode=True, width=2**30))


def _manifests(attachment: Attachment) -> list[tuple[str, str]]:
    result: list[tuple[str, str]] = []
    if attachment.node is not None:
        result.append((names.file("ForwardNode"), render(attachment.node.manifest)))
    for kind, pairs in (("Destination", attachment.destinations), ("Project", attachment.projects)):
        result += [(names.file(kind, obj["metadata"]["name"]), render(reading.manifest)) for obj, reading in pairs]
    return result + _copies(attachment, "ConfigMap", attachment.snapshot.config_maps)


def _credentials(attachment: Attachment) -> list[tuple[str, str]]:
    return _copies(attachment, "Secret", attachment.snapshot.secrets)


def _copies(attachment: Attachment, kind: str, found: Mapping[str, Object]) -> list[tuple[str, str]]:
    keys: dict[str, set[str]] = {}
    for reference in attachment.references:
        obj = found.get(reference.name)
        if reference.kind == kind and reference.copied and obj is not None:
            available = set(obj.get("data") or {})
            needed = keys.setdefault(reference.name, set())
            needed |= available & set(reference.keys) if reference.keys else available
    return [(names.file(kind, name), render(_copy(found[name], kind, keys[name]))) for name in sorted(keys)]


def _copy(obj: Object, kind: str, keys: set[str]) -> dict[str, Any]:
    metadata = {name: obj["metadata"][name] for name in ("name", "namespace")}
    data = {key: text for key, text in (obj.get("data") or {}).items() if key in keys}
    copy: dict[str, Any] = {"apiVersion": "v1", "kind": kind, "metadata": metadata, "data": data}
    if kind == "Secret":
        copy["type"] = obj.get("type", "Opaque")
    return copy


def _live(attachment: Attachment) -> Files:
    snapshot = attachment.snapshot
    config_map = snapshot.live.get(Key("ConfigMap", snapshot.namespace, names.configuration(snapshot.name)))
    secret = snapshot.live.get(Key("Secret", snapshot.namespace, names.credentials(snapshot.name)))
    manifests = dict((config_map or {}).get("data") or {})
    encoded = (secret or {}).get("data") or {}
    credentials = {name: base64.b64decode(text).decode() for name, text in encoded.items() if name != ADMIN_TOKEN}
    return Files(manifests, credentials)


def admin_token(attachment: Attachment) -> str | None:
    """The token that pods and operator share already, if there is one."""
    snapshot = attachment.snapshot
    secret = snapshot.live.get(Key("Secret", snapshot.namespace, names.credentials(snapshot.name)))
    encoded = ((secret or {}).get("data") or {}).get(ADMIN_TOKEN)
    return base64.b64decode(encoded).decode() if encoded else None
