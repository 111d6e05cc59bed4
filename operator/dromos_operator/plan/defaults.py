# SPDX-License-Identifier: Apache-2.0
"""What a ForwardNode does not say and the operator does: the key of its transfer log, the relay of its mails.

The gateway is given both as if the manifest had said so; the object itself stays as its author wrote it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from dromos_crds import ForwardNode
from dromos_operator.kinds import Object
from dromos_operator.plan import names
from dromos_operator.plan.reading import Reading, read
from dromos_operator.plan.snapshot import Snapshot
from dromos_operator.relay import Relay

KEY = "key"  # in the Secret of a transfer log
KEY_LENGTH = 32  # bytes
RELAY = "dromos.operator.smtp"  # the name of the Secret that only the pods see


def keeps_originals(node: ForwardNode) -> bool:
    """Whether the transfer log needs a key that the manifest does not name."""
    log = node.spec.transfer_log
    return log.original_identifiers == "Encrypted" and log.key is None


def log_key(snapshot: Snapshot, random: bytes) -> Object | None:
    """The Secret to create, if the ForwardNode's log needs one and there is none.

    It has no owner, as a spool has none: who takes one up again wants to read its log. Nor is it ever written again.
    """
    node = snapshot.node
    if node is None or node["metadata"].get("deletionTimestamp"):
        return None
    name = names.log_key(node["metadata"]["name"])
    model = read(ForwardNode, node).model
    if model is None or not keeps_originals(model) or name in snapshot.secrets:
        return None
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": node["metadata"]["namespace"],
            "labels": {"app.kubernetes.io/name": "dromos", "app.kubernetes.io/component": "transfer-log-key"},
        },
        "type": "Opaque",
        "data": {KEY: _encoded(random[:KEY_LENGTH].hex())},
    }


def manifest(node: Reading[ForwardNode], relay: Relay | None) -> Mapping[str, Any]:
    """The ForwardNode as its pods get it."""
    if node.model is None:
        return node.manifest
    spec = dict(node.manifest["spec"])
    if keeps_originals(node.model):
        reference = {"name": names.log_key(node.model.metadata.name), "key": KEY}
        spec["transferLog"] = {**(spec.get("transferLog") or {}), "key": {"secretKeyRef": reference}}
    if (lent := _lent(node, relay)) is not None:
        secret = {"secretRef": {"name": RELAY}} if lent.username else {}
        spec["smtp"] = {
            "host": lent.host,
            "port": lent.port,
            "security": lent.security,
            "sender": lent.sender,
            **secret,
        }
    return {**node.manifest, "spec": spec}


def login(node: Reading[ForwardNode], relay: Relay | None) -> dict[str, Any] | None:
    """The Secret with which the pods log in at the operator's relay, if they use it and it asks for that."""
    lent = _lent(node, relay)
    if lent is None or not lent.username:
        return None
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": RELAY, "namespace": node.manifest["metadata"]["namespace"]},
        "type": "Opaque",
        "data": {"username": _encoded(lent.username), "password": _encoded(lent.password)},
    }


def _lent(node: Reading[ForwardNode], relay: Relay | None) -> Relay | None:
    return relay if node.model is not None and node.model.spec.smtp is None else None


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
