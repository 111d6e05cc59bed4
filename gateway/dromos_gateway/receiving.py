# SPDX-License-Identifier: Apache-2.0
"""What the acceptor asks: who may send, and where an instance goes. Success is said here, once the spool has it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dromos_crds.folders import sentence
from dromos_gateway import pipeline
from dromos_gateway.background import Background
from dromos_gateway.configuration.settings import Configuration, DestinationSettings, NodeSettings
from dromos_gateway.dimse.part10 import file_head
from dromos_gateway.dimse.policy import (
    CALLED_AE_TITLE_NOT_RECOGNIZED,
    CALLING_AE_TITLE_NOT_RECOGNIZED,
    LOCAL_LIMIT_EXCEEDED,
    TEMPORARY_CONGESTION,
    Admission,
    AssociationRequest,
    InstanceSink,
    Rejection,
    StoreRequest,
    StoreStatus,
)
from dromos_gateway.dimse.status import OUT_OF_RESOURCES, PROCESSING_FAILURE, SOP_CLASS_NOT_SUPPORTED, SUCCESS
from dromos_gateway.dimse.uids import DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
from dromos_gateway.header import HeaderView
from dromos_gateway.hosts import Hosts
from dromos_gateway.instancevalues import InstanceValues
from dromos_gateway.spool.incoming import IncomingFile
from dromos_gateway.spool.records import Instance, Planned, State
from dromos_gateway.spool.spool import Spool
from dromos_gateway.study import study_instance_uid

log = logging.getLogger(__name__)

Answer = Callable[[StoreStatus], None]

_KEPT = StoreStatus(SUCCESS)
_MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"  # a DICOMDIR is not storable over the network (PS3.4 B.5)


@dataclass(slots=True)
class Received:
    """Counters for the metrics."""

    instances: int = 0
    bytes: int = 0
    refused: int = 0


class Receiving:
    """The acceptor's policy."""

    def __init__(self, spool: Spool, configuration: Configuration, hosts: Hosts, clock: Callable[[], float]) -> None:
        self.configuration = configuration
        self.counters = Received()
        self.draining = False
        self.senders: Callable[[], int] = lambda: 2  # how many associations send just now
        self._background = Background()
        self._spool = spool
        self._hosts = hosts
        self._clock = clock

    def admit(self, request: AssociationRequest) -> Admission | Rejection:
        """Select the ForwardNode by called AE title; check the sender and the disk."""
        if self.draining:
            return Rejection(*TEMPORARY_CONGESTION, "the gateway is stopping")
        node = self.configuration.nodes.get(request.called_ae_title)
        if node is None:
            return Rejection(
                *CALLED_AE_TITLE_NOT_RECOGNIZED, f"no ForwardNode has the AE title {request.called_ae_title!r}"
            )
        if node.locked:
            return Rejection(*TEMPORARY_CONGESTION, f"{node.key} has no TLS that can be used")
        if not self._known_source(node, request):
            return Rejection(
                *CALLING_AE_TITLE_NOT_RECOGNIZED,
                f"{request.calling_ae_title!r} at {request.peer_host} is not among the sources of {node.key}",
            )
        shortage = self._spool.space.shortage
        if shortage is not None:
            return Rejection(*LOCAL_LIMIT_EXCEEDED, shortage)
        return Admission(node.key)

    def _known_source(self, node: NodeSettings, request: AssociationRequest) -> bool:
        if not node.sources:
            return True
        return any(
            source.ae_title == request.calling_ae_title
            and (source.hostname is None or self._hosts.matches(source.hostname, request.peer_host))
            for source in node.sources
        )

    def begin(self, admission: Admission, request: StoreRequest) -> InstanceSink | StoreStatus:
        """Open a file for the instance, or say why not."""
        node = self.configuration.nodes.get(request.called_ae_title)
        if request.sop_class_uid == _MEDIA_STORAGE_DIRECTORY:
            return self._refuse(SOP_CLASS_NOT_SUPPORTED, "a DICOMDIR cannot be stored")
        if node is None or not any(item.enabled for item in self.configuration.of_node(node.key)):
            return self._refuse(OUT_OF_RESOURCES, "no enabled destination")
        if (shortage := self._spool.space.shortage) is not None:
            log.error("refusing instances", extra={"error": shortage})
            return self._refuse(OUT_OF_RESOURCES, "the spool is full")
        head = file_head(
            sop_class_uid=request.sop_class_uid,
            sop_instance_uid=request.sop_instance_uid,
            transfer_syntax_uid=request.transfer_syntax_uid,
            source_ae_title=request.calling_ae_title,
        )
        try:
            incoming = self._spool.begin(head)
        except OSError as error:
            log.error("the spool cannot take an instance", extra={"error": sentence(error)})  # noqa: TRY400 - the disk's words are enough
            return self._refuse(OUT_OF_RESOURCES, "the spool cannot be written")
        return Sink(self, incoming, request, node.key)

    def keep(self, incoming: IncomingFile, request: StoreRequest, node: str, answer: Answer) -> None:
        """Make a complete instance durable, then answer."""
        incoming.flush()
        beginning = incoming.beginning
        instance = Instance(
            id=0,
            file="",
            size=incoming.size,
            data_set_offset=incoming.data_set_offset,
            sop_class_uid=request.sop_class_uid,
            sop_instance_uid=request.sop_instance_uid,
            transfer_syntax_uid=request.transfer_syntax_uid,
            study=study_instance_uid(beginning, request.transfer_syntax_uid),
            calling_ae_title=request.calling_ae_title,
            called_ae_title=request.called_ae_title,
            peer_host=request.peer_host,
            node=node,
            received_at=self._clock(),
        )
        destinations = self.configuration.of_node(node)
        if instance.transfer_syntax_uid == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN:  # inflating takes its time
            self._background.start(self._keep_deflated(incoming, instance, destinations, answer))
            return
        with InstanceValues(instance, incoming.path, beginning) as values:
            plan = _planned(instance, destinations, values)
        self._keep(incoming, instance, plan, answer, values.read)

    async def _keep_deflated(
        self,
        incoming: IncomingFile,
        instance: Instance,
        destinations: Sequence[DestinationSettings],
        answer: Answer,
    ) -> None:
        try:
            with InstanceValues(instance, incoming.path, incoming.beginning) as values:
                plan = await asyncio.to_thread(_planned, instance, destinations, values)
        except Exception:
            log.exception("an instance could not be looked at")
            incoming.abandon()
            answer(self._refuse(PROCESSING_FAILURE, "internal error, see the gateway's log"))
            return
        self._keep(incoming, instance, plan, answer, values.read)

    def _keep(
        self,
        incoming: IncomingFile,
        instance: Instance,
        plan: Sequence[Planned],
        answer: Answer,
        read: HeaderView | None,
    ) -> None:
        if not plan:  # the last destination went while the instance came in
            incoming.abandon()
            answer(self._refuse(OUT_OF_RESOURCES, "no enabled destination"))
            return

        def kept(error: Exception | None) -> None:
            if error is not None:
                log.error("an instance could not be made durable", extra={"error": str(error)})
                answer(self._refuse(OUT_OF_RESOURCES, "the spool cannot be written"))
                return
            self.counters.instances += 1
            self.counters.bytes += instance.size
            answer(_KEPT)

        self._spool.keep(incoming, instance, plan, kept, read=read, senders=self.senders())

    def _refuse(self, code: int, comment: str) -> StoreStatus:
        self.counters.refused += 1
        return StoreStatus(code, comment)


class Sink:
    """Where one instance's data set goes."""

    def __init__(self, receiving: Receiving, incoming: IncomingFile, request: StoreRequest, node: str) -> None:
        self._receiving = receiving
        self._incoming = incoming
        self._request = request
        self._node = node
        self.write, self.flush = incoming.write, incoming.flush  # the hottest calls there are: no frame in between

    @property
    def size(self) -> int:
        """Bytes that came so far."""
        return self._incoming.size

    def finish(self, answer: Answer) -> None:
        """Answer once the instance is safe. OSError."""
        try:
            self._receiving.keep(self._incoming, self._request, self._node, answer)
        except BaseException:
            self._incoming.abandon()  # nothing, where somebody else has it already
            raise

    def abandon(self) -> None:
        """The association died, or the data set is not what was announced: leave nothing."""
        self._incoming.abandon()


def _planned(instance: Instance, destinations: Sequence[DestinationSettings], values: InstanceValues) -> list[Planned]:
    return [_planned_for(instance, destination, values) for destination in destinations]


def _planned_for(instance: Instance, destination: DestinationSettings, values: InstanceValues) -> Planned:
    try:
        decision = pipeline.on_arrival(instance, destination, values)
    except OSError:  # kept all the same: it is decided again before it is sent
        return Planned(destination.key, State.Waiting)
    if isinstance(decision, pipeline.Exclude):
        return Planned(destination.key, State.Excluded, decision.rule)
    met = destination.condition if isinstance(decision, pipeline.Deliver) else None
    return Planned(destination.key, State.Waiting, judged=met.text if met is not None else "")
