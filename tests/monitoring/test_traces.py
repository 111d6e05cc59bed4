# SPDX-License-Identifier: Apache-2.0
"""Traces of a running gateway, as a receiver of OTLP gets them: the real protocol buffers, over HTTP."""

from __future__ import annotations

import gzip
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.wire.gateway.conftest import gateway, receiver  # noqa: F401 - fixtures
from tests.wire.gateway.peers import GatewayProcess, eventually, make_study, mr_only, storescu

ATTRIBUTES = {
    "dicom.calling_ae_title", "dicom.called_ae_title", "dromos.forward_node", "dromos.destination", "dromos.verdict",
    "dromos.size", "dromos.attempt",
}  # fmt: skip


@dataclass
class Collector:
    """What came in, and under which names."""

    url: str
    bodies: list[bytes] = field(default_factory=list)
    paths: set[str] = field(default_factory=set)

    def spans(self) -> list[Span]:
        """All of them."""
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        return [
            span
            for request in requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def named(self, name: str) -> list[Span]:
        """Those of one kind."""
        return [span for span in self.spans() if span.name == name]


@pytest.fixture
def collector() -> Iterator[Collector]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.bodies.append(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
            found.paths.add(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Collector(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


def _attributes(span: Span) -> dict[str, str | int]:
    return {
        each.key: each.value.int_value if each.value.HasField("int_value") else each.value.string_value
        for each in span.attributes
    }


def test_an_association_its_instances_and_what_became_of_each(
    gateway: GatewayProcess,  # noqa: F811
    receiver,  # noqa: F811
    collector: Collector,
    tmp_path: Path,
) -> None:
    there, picky = receiver("there").start(), receiver("picky", *mr_only(tmp_path)).start()
    gateway.destination("there", there.port)
    gateway.destination("picky", picky.port)
    gateway.environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}
    gateway.start()
    storescu(gateway.port, make_study(tmp_path / "study", 3))
    storescu(gateway.port, tmp_path / "study", called="NOBODY", check=False)
    there.has(3)
    eventually(lambda: gateway.queue("picky")["failed"] == 3, "one refuses")
    eventually(lambda: len(collector.named("deliver")) >= 6, "the attempts are told")
    assert gateway.terminate() == 0
    assert collector.paths == {"/v1/traces"}
    accepted, refused = sorted(collector.named("association"), key=lambda span: span.status.code)
    assert _attributes(accepted) == {
        "dicom.calling_ae_title": "STORESCU", "dicom.called_ae_title": "DROMOS", "dromos.forward_node": "default/radiology",
    }  # fmt: skip
    assert (_attributes(refused)["dromos.verdict"], refused.status.code) == ("Rejected 1/1/7", Status.STATUS_CODE_ERROR)
    stored = {span.span_id: span for span in collector.named("store")}
    assert len(stored) == 3
    for span in stored.values():
        assert (span.parent_span_id, span.trace_id) == (accepted.span_id, accepted.trace_id)
        assert _attributes(span)["dromos.verdict"] == "Stored"
        assert int(_attributes(span)["dromos.size"]) > 8192
        assert accepted.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
    delivered = [span for span in collector.named("deliver") if _attributes(span)["dromos.verdict"] == "Delivered"]
    assert {span.parent_span_id for span in delivered} == set(stored)
    assert {_attributes(span)["dromos.destination"] for span in delivered} == {"default/there"}
    others = [span for span in collector.named("deliver") if span not in delivered]
    assert {_attributes(span)["dromos.destination"] for span in others} == {"default/picky"}
    assert all(span.status.code == Status.STATUS_CODE_ERROR for span in others)
    assert {span.trace_id for span in collector.named("deliver")} == {accepted.trace_id}


def test_no_trace_names_a_patient(gateway: GatewayProcess, receiver, collector: Collector, tmp_path: Path) -> None:  # noqa: F811
    there = receiver("there").start()
    gateway.destination("there", there.port)
    gateway.environment = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{collector.url}/there",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
    gateway.start()
    study = make_study(tmp_path / "study", 2)
    storescu(gateway.port, study)
    there.has(2)
    eventually(lambda: len(collector.named("deliver")) == 2, "the deliveries are told")
    assert gateway.terminate() == 0
    assert collector.paths == {"/there"}
    assert {name for span in collector.spans() for name in _attributes(span)} <= ATTRIBUTES
    from pydicom import dcmread

    everything = b"".join(collector.bodies)
    for data in (dcmread(path) for path in study.iterdir()):
        for planted in (data.PatientID, data.PatientName, data.StudyInstanceUID, data.SOPInstanceUID):
            assert str(planted).encode() not in everything


def test_a_collector_that_is_away_delays_no_image(gateway: GatewayProcess, receiver, tmp_path: Path) -> None:  # noqa: F811
    there = receiver("there").start()
    gateway.destination("there", there.port)
    gateway.environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_BSP_SCHEDULE_DELAY": "200"}
    gateway.start()
    storescu(gateway.port, make_study(tmp_path / "study", 3))
    there.has(3)
    eventually(gateway.is_empty, "the spool is empty")
    assert gateway.terminate() == 0


@pytest.mark.parametrize(
    "setting", [{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"}]
)
def test_nothing_of_it_is_loaded_unless_it_is_asked_for(setting: dict[str, str]) -> None:
    program = (
        "import sys, dromos_gateway.commands.run as run; from dromos_gateway.tracing.setup import from_environment\n"
        f"assert from_environment({setting!r}) is None\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
