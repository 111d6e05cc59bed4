# SPDX-License-Identifier: Apache-2.0
"""The files a gateway reads: one manifest each, in a ConfigMap and, with everything secret, in a Secret.

The hash over them is what pods acknowledge. A change here never restarts a pod.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import yaml

from dromos_crds.manifests import hash_files
from dromos_operator.kinds import Key, Object
from dromos_operator.plan import defaults, names
from dromos_operator.plan.attachment import Attachment
from dromos_operator.plan.snapshot import Snapshot
from dromos_operator.relay import Relay

LARGEST = 900 * 1024  # etcd and the API server end at 1 MiB, metadata included
ADMIN_TOKEN = "admin-token"  # noqa: S105 - the name of a key


_BASE: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # libyaml takes a twentieth of the time


class _Dumper(_BASE):  # type: ignore[misc]
    """Quotes what Kubernetes' reader, and ours, take for booleans and numbers though PyYAML does not."""


_Dumper.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^[yYnN]$"), list("yYnN"))
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9.]+[eE][-+]?[0-9]+$"), list("-+.0123456789")
)


class _Table(str):
    """Text of many short lines: in double quotes an end of line takes two characters, elsewhere up to six."""

    __slots__ = ()


def _quoted(dumper: yaml.SafeDumper, text: _Table) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style='"')


_BREAKS = ("\x85", "\u2028", "\u2029")  # ends of line in YAML 1.1, characters like any other in 1.2


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = '"' if any(each in text for each in _BREAKS) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(_Table, _quoted)
_Dumper.add_representer(str, _text)


@dataclass(frozen=True, slots=True)
class Files:
    """What is mounted; `too_large` says what keeps the last good form of it in place."""

    manifests: Mapping[str, str]
    credentials: Mapping[str, str]
    pseudonyms: Mapping[str, str]
    too_large: str = ""

    @property
    def hash(self) -> str:
        """What a pod reports once it runs this."""
        parts = (self.manifests, self.credentials, self.pseudonyms)
        return hash_files({name: text.encode() for part in parts for name, text in part.items()})


def files(attachment: Attachment, relay: Relay | None = None) -> Files:
    """The files for a ForwardNode; those of before when they would be too large. `relay` is for one that names none."""
    apart = _apart(attachment)
    credentials = _copies(attachment, "Secret", attachment.snapshot.secrets)
    if attachment.node is not None and (login := defaults.login(attachment.node, relay)) is not None:
        credentials = [*(each for each in credentials if each[0] != defaults.RELAY), (defaults.RELAY, render(login))]
    wanted = Files(
        dict(_manifests(attachment, relay)),
        {names.file("Secret", name): text for name, text in credentials if name not in apart},
        {names.file("Secret", name): text for name, text in credentials if name in apart},
    )
    for kind, parts in (("ConfigMap", wanted.manifests), ("Secret", wanted.credentials)):
        if message := _too_large(kind, parts):
            return replace(_live(attachment), too_large=message)
    if message := _too_large("Secret of pseudonyms", wanted.pseudonyms):
        hint = "; a Project can keep them in Redis (spec.pseudonyms.redis)"
        return replace(wanted, pseudonyms=_live(attachment).pseudonyms, too_large=message + hint)
    return wanted


def _too_large(kind: str, parts: Mapping[str, str]) -> str:
    size = sum(len(name) + len(text.encode()) for name, text in parts.items())
    if size <= LARGEST:
        return ""
    largest = max(parts, key=lambda name: (len(parts[name]), name))
    return (
        f"the {kind} would have {size // 1024} KiB, at most {LARGEST // 1024} are possible; "
        f"the largest part is {largest} with {len(parts[largest].encode()) // 1024} KiB"
    )


def render(document: Mapping[str, Any]) -> str:
    """A document as YAML, the same text for the same content."""
    return str(yaml.dump(dict(document), Dumper=_Dumper, sort_keys=True, allow_unicode=True, width=2**30))


def _manifests(attachment: Attachment, relay: Relay | None) -> list[tuple[str, str]]:
    result: list[tuple[str, str]] = []
    if attachment.node is not None:
        result.append((names.file("ForwardNode"), render(defaults.manifest(attachment.node, relay))))
    for kind, pairs in (("Destination", attachment.destinations), ("Project", attachment.projects)):
        result += [(names.file(kind, obj["metadata"]["name"]), render(reading.manifest)) for obj, reading in pairs]
    copies = _copies(attachment, "ConfigMap", attachment.snapshot.config_maps)
    return result + [(names.file("ConfigMap", name), text) for name, text in copies]


def _copies(attachment: Attachment, kind: str, found: Mapping[str, Object]) -> list[tuple[str, str]]:
    """Name and text of each one that is referred to; one file for each, whoever needs which key."""
    keys: dict[str, set[str]] = {}
    apart = _apart(attachment) if kind == "Secret" else frozenset()
    for reference in attachment.references:
        obj = found.get(reference.name)
        if reference.kind == kind and obj is not None:
            available = set(obj.get("data") or {})
            needed = keys.setdefault(reference.name, set())
            needed |= available & set(reference.keys) if reference.keys else available
    return [(name, render(_copy(found[name], kind, keys[name], plain=name in apart))) for name in sorted(keys)]


def _copy(obj: Object, kind: str, keys: set[str], *, plain: bool) -> dict[str, Any]:
    metadata = {name: obj["metadata"][name] for name in ("name", "namespace")}
    data = {key: text for key, text in (obj.get("data") or {}).items() if key in keys}
    copy: dict[str, Any] = {"apiVersion": "v1", "kind": kind, "metadata": metadata, "data": data}
    if plain:
        copy["stringData"] = {key: _Table(text) for key in data if (text := _decoded(data[key])) is not None}
        copy["data"] = {key: text for key, text in data.items() if key not in copy["stringData"]}
    if kind == "Secret":
        copy["type"] = obj.get("type", "Opaque")
    return copy


def _decoded(text: str) -> str | None:
    """Text rather than base64 where it can be: a third more fits."""
    try:
        return base64.b64decode(text).decode()
    except ValueError:
        return None


def _apart(attachment: Attachment) -> frozenset[str]:
    """Secrets that can be large."""
    return frozenset(reference.name for reference in attachment.references if not reference.copied)


def _live(attachment: Attachment) -> Files:
    snapshot = attachment.snapshot
    config_map = snapshot.live.get(Key("ConfigMap", snapshot.namespace, names.configuration(snapshot.name)))
    manifests = dict((config_map or {}).get("data") or {})
    credentials = _texts(snapshot, names.credentials(snapshot.name))
    return Files(
        manifests,
        {name: text for name, text in credentials.items() if name != ADMIN_TOKEN},
        _texts(snapshot, names.pseudonyms(snapshot.name)),
    )


def _texts(snapshot: Snapshot, secret: str) -> dict[str, str]:
    live = snapshot.live.get(Key("Secret", snapshot.namespace, secret))
    encoded = (live or {}).get("data") or {}
    return {name: base64.b64decode(text).decode() for name, text in encoded.items()}


def admin_token(attachment: Attachment) -> str | None:
    """The token that pods and operator share already, if there is one."""
    snapshot = attachment.snapshot
    secret = snapshot.live.get(Key("Secret", snapshot.namespace, names.credentials(snapshot.name)))
    encoded = ((secret or {}).get("data") or {}).get(ADMIN_TOKEN)
    return base64.b64decode(encoded).decode() if encoded else None
