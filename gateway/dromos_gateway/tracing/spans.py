# SPDX-License-Identifier: Apache-2.0
"""The three kinds of spans, and which belongs below which. Imported only where traces are wanted."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass

from opentelemetry.trace import Span, SpanKind, Tracer, set_span_in_context
from opentelemetry.trace.status import StatusCode

from dromos_gateway.delivery.figures import Figures
from dromos_gateway.delivery.outcome import Outcome, Refused, Sent
from dromos_gateway.dimse.policy import Admission, AssociationRequest, Rejection, StoreStatus
from dromos_gateway.dimse.status import SUCCESS
from dromos_gateway.spool.records import Delivery

_REMEMBERED = 10_000  # stored instances whose deliveries are shown below them; later ones are traces of their own


@dataclass(frozen=True)
class TracedAdmission(Admission):
    """An association with its span."""

    span: Span | None = None


class Spans:
    """Makes them."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._stored: OrderedDict[str, Span] = OrderedDict()

    def association(self, request: AssociationRequest, answer: Admission | Rejection) -> Admission | Rejection:
        """One begins, or is over at once."""
        titles = {"dicom.calling_ae_title": request.calling_ae_title, "dicom.called_ae_title": request.called_ae_title}
        span = self._tracer.start_span("association", kind=SpanKind.SERVER, attributes=titles)
        if isinstance(answer, Rejection):
            self._end(span, f"Rejected {answer.result}/{answer.source}/{answer.reason}", good=False)
            return answer
        span.set_attribute("dromos.forward_node", str(answer.reference))
        return TracedAdmission(answer.reference, span)

    def association_over(self, admission: Admission | None) -> None:
        """It was released, aborted, or lost."""
        if isinstance(admission, TracedAdmission) and admission.span is not None:
            admission.span.end()

    def storing(self, admission: Admission) -> Span:
        """An instance begins to come in."""
        parent = admission.span if isinstance(admission, TracedAdmission) else None
        context = set_span_in_context(parent) if parent is not None else None
        return self._tracer.start_span("store", context=context)

    def stored(self, instance: str, span: Span) -> None:
        """It is complete: what is delivered of it belongs below; of one that comes twice, below the later one."""
        self._stored[instance] = span
        self._stored.move_to_end(instance)
        if len(self._stored) > _REMEMBERED:
            self._stored.popitem(last=False)

    def answered(self, span: Span, status: StoreStatus, size: int) -> None:
        """The sender has its answer."""
        span.set_attribute("dromos.size", size)
        good = status.code == SUCCESS
        self._end(span, "Stored" if good else f"Refused {status.code:04X}", good=good)

    def abandoned(self, span: Span) -> None:
        """It never came to its end."""
        self._end(span, "Abandoned", good=False)

    def attempt(self, delivery: Delivery, outcome: Outcome, begun: int) -> None:
        """An attempt to deliver is over; `begun` is when, in nanoseconds."""
        parent = self._stored.get(delivery.instance.sop_instance_uid)
        span = self._tracer.start_span(
            "deliver",
            context=set_span_in_context(parent) if parent is not None else None,
            kind=SpanKind.CLIENT,
            start_time=begun,
            attributes={
                "dromos.destination": delivery.destination,
                "dromos.forward_node": delivery.instance.node,
                "dromos.size": delivery.instance.size,
                "dromos.attempt": delivery.attempts + 1,
            },
        )
        self._end(span, _verdict(outcome), good=isinstance(outcome, Sent))

    @staticmethod
    def _end(span: Span, verdict: str, *, good: bool) -> None:
        span.set_attribute("dromos.verdict", verdict)
        span.set_status(StatusCode.OK if good else StatusCode.ERROR)
        span.end()


class TracedFigures(Figures):
    """Figures of one destination, with a span for each attempt."""

    def __init__(self, spans: Spans) -> None:
        super().__init__()
        self._spans = spans
        self._begun: dict[int, int] = {}

    def begun(self, delivery: Delivery) -> None:
        """A lane has it."""
        self._begun[delivery.id] = time.time_ns()

    def concluded(self, delivery: Delivery, outcome: Outcome) -> None:
        """Its attempt is over."""
        if (begun := self._begun.pop(delivery.id, None)) is not None:
            self._spans.attempt(delivery, outcome, begun)


def _verdict(outcome: Outcome) -> str:
    if isinstance(outcome, Refused):
        return outcome.reason  # a word of ours; the peer's own are in the ledger
    return "Delivered" if isinstance(outcome, Sent) else "TryAgain"
