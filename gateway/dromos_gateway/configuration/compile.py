# SPDX-License-Identifier: Apache-2.0
"""From documents to settings. What means nothing holds its own destination, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from dromos_crds import ConfigMap, Destination, ForwardNode, Project, Secret, reasons
from dromos_crds.destination import DestinationSpec
from dromos_crds.destination_expressions import mistakes
from dromos_crds.expressions import Condition, compile_condition
from dromos_crds.problems import Problem
from dromos_crds.quantities import parse_duration
from dromos_gateway.changes.change import Change
from dromos_gateway.configuration.changing import change_of
from dromos_gateway.configuration.documents import InForce
from dromos_gateway.configuration.lastusable import LastUsable
from dromos_gateway.configuration.neveraccepted import never_accepted
from dromos_gateway.configuration.nodes import conflicts, node_settings
from dromos_gateway.configuration.notifications import notification_settings
from dromos_gateway.configuration.references import References
from dromos_gateway.configuration.settings import (
    AlbumSettings,
    Configuration,
    DestinationSettings,
    NodeSettings,
    NotificationSettings,
    PeerSettings,
    StowSettings,
)
from dromos_gateway.configuration.tls import client_tls
from dromos_gateway.configuration.unresolved import Unresolved
from dromos_gateway.configuration.web import album_settings, stow_settings
from dromos_gateway.dimse.tls import InvalidTlsMaterial
from dromos_gateway.projects.use import Applied, Namespace


def compile_documents(
    documents: Iterable[InForce],
    problems: tuple[Problem, ...],
    digest: str,
    before: Mapping[str, LastUsable] | None = None,
) -> Configuration:
    """Resolve all documents; the problems found join those given. `before`: what ForwardNodes fall back on."""
    known = tuple(documents)
    references = References(
        secrets={item.key: item.object for item in known if isinstance(item.object, Secret)},
        config_maps={item.key: item.object for item in known if isinstance(item.object, ConfigMap)},
    )
    around = Namespace(
        projects={item.key: item.object for item in known if isinstance(item.object, Project)},
        config_maps=references.config_maps,
        secrets=references.secrets,
    )
    found: list[Problem] = list(problems)
    nodes: dict[str, NodeSettings] = {}
    for item in known:
        if isinstance(item.object, ForwardNode):
            last = (before or {}).get(item.key, LastUsable())
            node = node_settings(item, item.object, references, last, found)
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
        hold = item.problem("ForwardNodeNotFound", "spec.forwardNodeRef.name", text)
    peer, albums, unresolved = _reach(item, spec, node, references) if node is not None else (None, (), None)
    change, applied, unusable = _change(item, destination, around) if hold is None else (None, None, None)
    classes = spec.authorized_sop_classes
    return DestinationSettings(
        key=item.key,
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
        return None, None, item.problem(error.reason, error.field, str(error))


def _notifications(
    item: InForce, spec: DestinationSpec, node: NodeSettings | None, references: References, found: list[Problem]
) -> NotificationSettings | None:
    """Nor do images wait for a webhook's Secret."""
    if spec.notifications is None or node is None:
        return None
    if spec.notifications.recipients and node.smtp is None:
        text = f"ForwardNode {node.key} has no mail relay that works (spec.smtp); mails wait for one"
        found.append(item.problem(reasons.NO_MAIL_RELAY, "spec.notifications.recipients", text))
    namespace = item.object.metadata.namespace
    try:
        return notification_settings(namespace, spec.notifications, node.smtp, references)
    except Unresolved as error:
        found.append(item.problem(error.reason, error.field, str(error)))
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
        return None, (), item.problem(error.reason, error.field, str(error))
    except InvalidTlsMaterial as error:
        field = "spec.dicom.tls" if spec.dicom is not None else "spec.stow.tls"
        return None, (), item.problem(reasons.INVALID_CERTIFICATE, field, str(error))
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
        return item.problem(reason, field, mistake)
    return None


def _condition(spec: DestinationSpec) -> Condition | None:
    found = compile_condition(spec.condition) if spec.condition is not None else None
    return found if isinstance(found, Condition) else None
