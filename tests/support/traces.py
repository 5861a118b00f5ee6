"""Spans in this process, and a receiver of those of others, as OTLP over HTTP has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from boundary.spans import Spans
from tests.support.answering import serving

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
OTHER_TRACE = "0af7651916cd43dd8448eb211c80319c"
OTHER_PARENT = f"00-{OTHER_TRACE}-b7ad6b7169203331-01"
STATE = "congo=t61rcWkgMzE"


class RecordedSpans(Spans):
    """Spans that stay in memory."""

    def __init__(self) -> None:
        provider = TracerProvider()
        self._memory = InMemorySpanExporter()
        provider.add_span_processor(SimpleSpanProcessor(self._memory))
        super().__init__(provider)

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self._memory.get_finished_spans() if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        [span] = self.named(name)
        return span

    def text(self) -> str:
        """Return all that would be exported."""
        return "\n".join(span.to_json() for span in self._memory.get_finished_spans())


def trace_of_span(span: ReadableSpan) -> str:
    return f"{span.get_span_context().trace_id:032x}"  # type: ignore[union-attr]


def linked_traces(span: ReadableSpan) -> list[str]:
    return [f"{link.context.trace_id:032x}" for link in span.links]


@dataclass
class TraceReceiver:
    """A receiver of spans by OTLP over HTTP, with the name of their service."""

    url: str = ""
    spans: list[tuple[str, Span]] = field(default_factory=list)

    def app(self) -> ASGIApp:
        return Starlette(routes=[Route("/v1/traces", self._receive, methods=["POST"])])

    def named(self, name: str) -> list[tuple[str, Span]]:
        return [(service, span) for service, span in self.spans if span.name == name]

    async def _receive(self, request: Request) -> Response:
        assert request.headers["content-type"] == "application/x-protobuf"
        received = ExportTraceServiceRequest.FromString(await request.body())
        for resource_spans in received.resource_spans:
            service = attributes_of(resource_spans.resource)["service.name"]
            for scope in resource_spans.scope_spans:
                self.spans += [(service, span) for span in scope.spans]
        return Response(b"", media_type="application/x-protobuf")


def attributes_of(message: Any) -> dict[str, Any]:  # noqa: ANN401 - a span or a resource
    return {
        one.key: getattr(one.value, one.value.WhichOneof("value")) for one in message.attributes
    }


@contextmanager
def receiving_traces() -> Iterator[TraceReceiver]:
    """Yield a receiver that listens on the loopback interface until the block ends."""
    receiver = TraceReceiver()
    with serving(receiver.app) as url:
        receiver.url = url
        yield receiver
