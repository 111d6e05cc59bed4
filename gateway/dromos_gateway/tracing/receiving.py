# SPDX-License-Identifier: Apache-2.0
"""Receiving with spans. A gateway without traces is made of the plain class."""

from __future__ import annotations

from collections.abc import Callable

from opentelemetry.trace import Span

from dromos_gateway.configuration.settings import Configuration
from dromos_gateway.dimse.policy import (
    Admission,
    AssociationRequest,
    InstanceSink,
    Rejection,
    StoreRequest,
    StoreStatus,
)
from dromos_gateway.hosts import Hosts
from dromos_gateway.receiving import Answer, Receiving, Sink
from dromos_gateway.spool.spool import Spool
from dromos_gateway.tracing.spans import Spans


class TracedReceiving(Receiving):
    """The acceptor's policy, traced."""

    def __init__(
        self, spans: Spans, spool: Spool, configuration: Configuration, hosts: Hosts, clock: Callable[[], float]
    ) -> None:
        super().__init__(spool, configuration, hosts, clock)
        self.spans = spans

    def admit(self, request: AssociationRequest) -> Admission | Rejection:
        """Decide, and begin a span."""
        return self.spans.association(request, super().admit(request))

    def begin(self, admission: Admission, request: StoreRequest) -> InstanceSink | StoreStatus:
        """Begin an instance and its span."""
        sink = super().begin(admission, request)
        span = self.spans.storing(admission)
        if isinstance(sink, Sink):
            return _TracedSink(sink, request.sop_instance_uid, self.spans, span)
        if isinstance(sink, StoreStatus):
            self.spans.answered(span, sink, 0)
        return sink


class _TracedSink:
    """Where one instance's data set goes, traced."""

    def __init__(self, plain: Sink, instance: str, spans: Spans, span: Span) -> None:
        self._plain = plain
        self._instance = instance
        self._spans = spans
        self._span = span
        self.write, self.flush = plain.write, plain.flush

    def finish(self, answer: Answer) -> None:
        """Answer once the instance is safe, and end the span."""
        size = self._plain.size

        def answered(status: StoreStatus) -> None:
            answer(status)
            self._spans.answered(self._span, status, size)

        self._spans.stored(self._instance, self._span)
        self._plain.finish(answered)

    def abandon(self) -> None:
        """Leave nothing but a span that says so."""
        self._plain.abandon()
        self._spans.abandoned(self._span)
