# SPDX-License-Identifier: Apache-2.0
"""From documents to settings. What means nothing holds its own destination, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from dromos_crds import ConfigMap, Destination, ForwardNode, Project, Secret, reasons
from dromos_crds.destination import DestinationSpec
from dromos_crds.destination_expressions import mistakes
from dromos_crds.expressions import Condition, compile_condition
from dromos_crds.problems import Problem
from dromos_crds.quantities import parse_duration, parse_quantity
from dromos_gateway.changes.change import Change
from dromos_gateway.configuration.changing import change_of
from dromos_gateway.configuration.documents import InForce
from dromos_gateway.configuration.neveraccepted import never_accepted
from dromos_gateway.configuration.notifications import notification_settings, smtp_settings
from dromos_gateway.configuration.references import References
from dromos_gateway.configuration.settings import (
    AlbumSettings,
    Configuration,
    DestinationSettings,
    NodeSettings,
    NotificationSettings,
    PeerSettings,
    SMTPSettings,
    SourceSettings,
    StowSettings,
    TransferLogSettings,
)
from dromos_gateway.configuration.tls import client_tls, listener_tls
from dromos_gateway.configuration.unresolved import Unresolved
from dromos_gateway.configuration.web import album_settings, stow_settings
from dromos_gateway.dimse.tls import InvalidTlsMaterial
from dromos_gateway.projects.use import Applied, Namespace


def compile_documents(documents: Iterable[InForce], problems: tuple[Problem, ...], digest: str) -> Configuration:
    """Resolve all documents; the problems found join those given."""
    known = tuple(documents)
    references = References(
        secrets={_key(item.object): item.object for item in known if isinstance(item.object, Secret)},
        config_maps={_key(item.object): item.object for item in known if isinstance(item.object, ConfigMap)},
    )
    around = Namespace(
        projects={_key(item.object): item.object for item in known if isinstance(item.object, Project)},
        config_maps=references.config_maps,
        secrets=references.secrets,
    )
    found: list[Problem] = list(problems)
    nodes: dict[str, NodeSettings] = {}
    for item in known:
        if isinstance(item.object, ForwardNode):
            try:
                node = _node(item, item.object, references, found)
            except Unresolved as error:
                found.append(_problem(item, error.reason, error.field, str(error)))
                continue
            except InvalidTlsMaterial as error:
                found.append(_problem(item, reasons.INVALID_CERTIFICATE, "spec.tls", str(error)))
                continue
            nodes[node.key] = node
    found.extend(conflicts(nodes.values()))
    destinations: dict[str, DestinationSettings] = {}
    for item in known:
        if isinstance(item.object, Destination):
            settings = _destination(item, item.object, nodes, references, around)
            settings = replace(
                settings,
                notifications=_notifications(item, item.object.spec, nodes.get(settings.node), references, found),
            )
            destinations[settings.key] = settings
            if settings.hold is not None:
                found.append(settings.hold)
    for settings in never_accepted(problems):
        destinations.setdefault(settings.key, settings)
    by_title = {node.ae_title: node for node in nodes.values()}
    return Configuration(by_title, destinations, tuple(found), digest)


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
        if first is not None and node.tls != first.tls:
            text = f"differs from that of ForwardNode {first.key}; ForwardNodes of one gateway share the listener"
            result.append(
                Problem(text, "Conflict", kind="ForwardNode", namespace=namespace, name=name, field="spec.tls")
            )
        first = first or node
    return tuple(result)


def _node(item: InForce, node: ForwardNode, references: References, found: list[Problem]) -> NodeSettings:
    spec = node.spec
    tls = references.listener(node.metadata.namespace, spec.tls) if spec.tls is not None else None
    if tls is not None:
        listener_tls(tls)
    return NodeSettings(
        key=_key(node),
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
        transfer_log=_transfer_log(node, references),
        smtp=_smtp(item, node, references, found),
    )


def _smtp(item: InForce, node: ForwardNode, references: References, found: list[Problem]) -> SMTPSettings | None:
    """Images do not wait for a mail relay: without its Secret, only mails do."""
    if node.spec.smtp is None:
        return None
    try:
        return smtp_settings(node.metadata.namespace, node.spec.smtp, references)
    except Unresolved as error:
        found.append(_problem(item, error.reason, error.field, str(error)))
        return None


def _transfer_log(node: ForwardNode, references: References) -> TransferLogSettings:
    spec = node.spec.transfer_log
    key = None
    if spec.original_identifiers == "Encrypted" and spec.key is not None:
        key = references.value(node.metadata.namespace, spec.key, "spec.transferLog.key")
    outgoing = spec.outgoing_identifiers == "Plain"
    return TransferLogSettings(parse_duration(spec.max_age), spec.max_rows, key or None, outgoing)


def _destination(
    item: InForce,
    destination: Destination,
    nodes: dict[str, NodeSettings],
    references: References,
    around: Namespace,
) -> DestinationSettings:
    spec = destination.spec
    namespace = destination.metadata.namespace
    node_key = f"{namespace}/{spec.forward_node_ref.name}"
    node = nodes.get(node_key)
    hold = _mistaken(item, destination)
    if node is None and hold is None:
        text = f"ForwardNode {spec.forward_node_ref.name} does not exist in namespace {namespace}, or is not valid"
        hold = _problem(item, "ForwardNodeNotFound", "spec.forwardNodeRef.name", text)
    peer, albums, unresolved = _reach(item, spec, node, references) if node is not None else (None, (), None)
    change, applied, unusable = _change(item, destination, around) if hold is None else (None, None, None)
    classes = spec.authorized_sop_classes
    return DestinationSettings(
        key=_key(destination),
        node=node_key,
        generation=destination.metadata.generation,
        enabled=spec.enabled,
        suspend=spec.suspend or (node is not None and node.suspend),
        peer=peer,
        sop_classes=frozenset(classes) if classes is not None else None,
        max_age=parse_duration(spec.retry.max_age),
        hold=hold or unresolved or unusable,
        condition=_condition(spec),
        albums=albums,
        changes=spec.deidentification is not None or spec.tag_morphing is not None,
        change=change,
        applied=applied,
    )


def _change(
    item: InForce, destination: Destination, around: Namespace
) -> tuple[Change | None, Applied | None, Problem | None]:
    """What is changed, or what keeps us from it."""
    try:
        return (*change_of(destination, around), None)
    except Unresolved as error:
        return None, None, _problem(item, error.reason, error.field, str(error))


def _notifications(
    item: InForce, spec: DestinationSpec, node: NodeSettings | None, references: References, found: list[Problem]
) -> NotificationSettings | None:
    """Nor do images wait for a webhook's Secret."""
    if spec.notifications is None or node is None:
        return None
    if spec.notifications.recipients and node.smtp is None:
        text = f"ForwardNode {node.key} has no mail relay that works (spec.smtp); mails wait for one"
        found.append(_problem(item, reasons.NO_MAIL_RELAY, "spec.notifications.recipients", text))
    namespace = item.object.metadata.namespace
    try:
        return notification_settings(namespace, spec.notifications, node.smtp, references)
    except Unresolved as error:
        found.append(_problem(item, error.reason, error.field, str(error)))
        without = spec.notifications.model_copy(update={"webhook": None})
        return notification_settings(namespace, without, node.smtp, references)


def _reach(
    item: InForce, spec: DestinationSpec, node: NodeSettings, references: References
) -> tuple[PeerSettings | StowSettings | None, tuple[AlbumSettings, ...], Problem | None]:
    """Whom to send to, or what keeps us from it."""
    namespace = item.object.metadata.namespace
    try:
        peer = _peer(namespace, spec, node, references)
        albums = album_settings(namespace, spec.stow, references) if spec.stow is not None else ()
        if peer.tls is not None:
            client_tls(peer.tls)
    except Unresolved as error:
        return None, (), _problem(item, error.reason, error.field, str(error))
    except InvalidTlsMaterial as error:
        field = "spec.dicom.tls" if spec.dicom is not None else "spec.stow.tls"
        return None, (), _problem(item, reasons.INVALID_CERTIFICATE, field, str(error))
    return peer, albums, None


def _peer(
    namespace: str, spec: DestinationSpec, node: NodeSettings, references: References
) -> PeerSettings | StowSettings:
    if spec.stow is not None:
        return stow_settings(namespace, spec.stow, references)
    assert spec.dicom is not None, "the model has exactly one of them"  # noqa: S101
    dicom = spec.dicom
    return PeerSettings(
        host=dicom.hostname,
        port=dicom.port,
        called_ae_title=dicom.ae_title,
        calling_ae_title=dicom.ae_title if dicom.use_destination_ae_title else node.ae_title,
        concurrency=dicom.concurrency,
        tls=references.client(namespace, dicom.tls) if dicom.tls is not None else None,
    )


def _mistaken(item: InForce, destination: Destination) -> Problem | None:
    for field, reason, mistake in mistakes(destination.spec):
        return _problem(item, reason, field, mistake)
    return None


def _condition(spec: DestinationSpec) -> Condition | None:
    found = compile_condition(spec.condition) if spec.condition is not None else None
    return found if isinstance(found, Condition) else None


def _problem(item: InForce, reason: str, field: str, message: str) -> Problem:
    kind, namespace, name = item.identity
    return Problem(message, reason, file=item.file, kind=kind, namespace=namespace, name=name, field=field)


def _key(thing: ForwardNode | Destination | Project | Secret | ConfigMap) -> str:
    return f"{thing.metadata.namespace}/{thing.metadata.name}"
