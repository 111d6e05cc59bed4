# SPDX-License-Identifier: Apache-2.0
"""From ForwardNodes to settings. A Secret that cannot be used stops no image that can be taken in safely without it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from dromos_crds import ForwardNode, credentials, reasons
from dromos_crds.problems import Problem
from dromos_crds.quantities import parse_duration, parse_quantity
from dromos_gateway.configuration.documents import InForce
from dromos_gateway.configuration.lastusable import LastUsable
from dromos_gateway.configuration.notifications import smtp_settings
from dromos_gateway.configuration.references import References
from dromos_gateway.configuration.settings import (
    NodeSettings,
    SMTPSettings,
    SourceSettings,
    TLSMaterial,
    TransferLogSettings,
)
from dromos_gateway.configuration.tls import listener_tls
from dromos_gateway.configuration.unresolved import Unresolved
from dromos_gateway.dimse.tls import InvalidTlsMaterial


def conflicts(nodes: Iterable[NodeSettings]) -> tuple[Problem, ...]:
    """ForwardNodes that cannot share a listener."""
    result: list[Problem] = []
    titles: dict[str, NodeSettings] = {}
    first: NodeSettings | None = None
    for node in nodes:
        namespace, _, name = node.key.partition("/")
        if (other := titles.get(node.ae_title)) is not None:
            text = f"{node.ae_title} is the AE title of ForwardNode {other.key} as well; each needs one of its own"
            result.append(
                Problem(text, "Conflict", kind="ForwardNode", namespace=namespace, name=name, field="spec.aeTitle")
            )
        titles.setdefault(node.ae_title, node)
        if node.locked:
            continue
        if first is not None and node.tls != first.tls:
            text = f"differs from that of ForwardNode {first.key}; ForwardNodes of one gateway share the listener"
            result.append(
                Problem(text, "Conflict", kind="ForwardNode", namespace=namespace, name=name, field="spec.tls")
            )
        first = first or node
    return tuple(result)


def node_settings(
    item: InForce, node: ForwardNode, references: References, last: LastUsable, found: list[Problem]
) -> NodeSettings:
    """Resolve one; what is wrong with it joins those found, and only `locked` keeps anybody out."""
    spec = node.spec
    tls, locked = _tls(item, node, references, last, found)
    return NodeSettings(
        key=item.key,
        ae_title=spec.ae_title.strip(),  # PS3.5 Table 6.2-1: spaces around an AE title say nothing
        sources=tuple(
            SourceSettings(source.ae_title.strip(), source.hostname if source.checks_hostname else None)
            for source in spec.sources
        ),
        suspend=spec.suspend,
        spool_size=parse_quantity(spec.spool.size),
        associations=spec.limits.associations,
        idle_timeout=parse_duration(spec.limits.idle_timeout),
        tls=tls,
        transfer_log=_transfer_log(item, node, references, last, found),
        smtp=_smtp(item, node, references, found),
        locked=locked,
    )


def _tls(
    item: InForce, node: ForwardNode, references: References, last: LastUsable, found: list[Problem]
) -> tuple[TLSMaterial | None, str]:
    """What the listener has, or why it is locked: who asks for TLS never gets a listener without."""
    if node.spec.tls is None:
        return None, ""
    try:
        material = references.listener(node.metadata.namespace, node.spec.tls)
        listener_tls(material)
    except Unresolved as error:
        problem = item.problem(error.reason, error.field, str(error))
    except InvalidTlsMaterial as error:
        problem = item.problem(reasons.INVALID_CERTIFICATE, "spec.tls", str(error))
    else:
        return material, ""
    state = "what was used before stays in use" if last.tls is not None else "nobody can send until it can be used"
    found.append(replace(problem, message=f"{problem.message}; {state}"))
    return last.tls, "" if last.tls is not None else problem.message


def _smtp(item: InForce, node: ForwardNode, references: References, found: list[Problem]) -> SMTPSettings | None:
    """Images do not wait for a mail relay: without its Secret, only mails do."""
    if node.spec.smtp is None:
        return None
    try:
        return smtp_settings(node.metadata.namespace, node.spec.smtp, references)
    except Unresolved as error:
        found.append(item.problem(error.reason, error.field, str(error)))
        return None


def _transfer_log(
    item: InForce, node: ForwardNode, references: References, last: LastUsable, found: list[Problem]
) -> TransferLogSettings:
    """Nor do they wait for the log's key: without one that ever was there, nothing of the originals is kept."""
    spec = node.spec.transfer_log
    key = None
    if spec.original_identifiers == "Encrypted" and spec.key is not None:
        chosen, field = spec.key.secret_key_ref, "spec.transferLog.key"
        try:
            digits = references.credential(
                node.metadata.namespace, chosen.name, chosen.key, field, credentials.some_bytes
            )
            key = bytes.fromhex(digits)
        except Unresolved as error:
            found.append(item.problem(error.reason, error.field, str(error)))
            key = last.log_key
    outgoing = spec.outgoing_identifiers == "Plain"
    return TransferLogSettings(parse_duration(spec.max_age), spec.max_rows, key, outgoing)
