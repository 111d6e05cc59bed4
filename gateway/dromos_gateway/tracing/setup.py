# SPDX-License-Identifier: Apache-2.0
"""Whether traces are wanted, and what makes them. The variables are OpenTelemetry's own, and so is their reading."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dromos_gateway.delivery.figures import Figures
    from dromos_gateway.receiving import Receiving
    from dromos_gateway.tracing.spans import Spans

log = logging.getLogger(__name__)

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_SERVICE = "dromos-gateway"
_PATIENCE = 5.0  # seconds that the last spans get when the gateway stops


class Traces:
    """Spans, and the thread that sends them off."""

    def __init__(self, spans: Spans, shutdown: Callable[[], None]) -> None:
        self.spans = spans
        self._shutdown = shutdown

    def parts(self) -> tuple[Callable[..., Receiving], Callable[[], Figures]]:
        """What a traced gateway is made of in place of the plain parts."""
        from dromos_gateway.tracing.receiving import TracedReceiving
        from dromos_gateway.tracing.spans import TracedFigures

        return partial(TracedReceiving, self.spans), partial(TracedFigures, self.spans)

    async def close(self) -> None:
        """Send what is left, if it can be sent soon."""
        try:
            await asyncio.wait_for(asyncio.to_thread(self._shutdown), _PATIENCE)
        except TimeoutError:
            log.warning("the last traces could not be sent")


def from_environment(environment: Mapping[str, str]) -> Traces | None:
    """Traces, if an endpoint is named, they are not switched off, and the extra is installed."""
    if not any(environment.get(name) for name in ENDPOINTS):
        return None
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true" or environment.get("OTEL_TRACES_EXPORTER") == "none":
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        log.error("traces are wanted, but the extra dromos[otel] is not installed")  # noqa: TRY400
        return None
    from dromos_gateway.tracing.spans import Spans

    named = environment.get("OTEL_SERVICE_NAME") or _SERVICE
    provider = TracerProvider(resource=Resource.create({"service.name": named}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    log.info("traces are sent")
    return Traces(Spans(provider.get_tracer("dromos")), provider.shutdown)
