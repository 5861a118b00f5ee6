"""Spans in the names and attributes of OpenTelemetry's conventions for HTTP and for Kafka.

No span has content of a record, a key, an address of a client, or the message of an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from threading import Thread
from typing import Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from boundary.errors import SmartRegionError
from boundary.tracing import SpanOrigin, Tracing

MOST_LINKS: Final = 128
"""The default limit of OpenTelemetry."""
_END_SECONDS: Final = 3.0
_SERVER_ERRORS: Final = 500
_W3C: Final = TraceContextTextMapPropagator()


def exported_spans(program: str) -> Spans:
    """Return the spans of a program, exported as the `OTEL_` variables say.

    Its service is `smart-region-PROGRAM` unless they name it. Raises SmartRegionError.
    """
    resource = Resource.create({SERVICE_NAME: f"smart-region-{program}"})
    try:
        # The program ends them itself: it may end before an exit handler runs.
        provider = TracerProvider(
            resource=resource.merge(OTELResourceDetector().detect()), shutdown_on_exit=False
        )
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    except ValueError as error:
        raise SmartRegionError(
            f"OTEL_ variables: one cannot be used ({error}): correct it, or set"
            " OTEL_TRACES_EXPORTER=none"
        ) from error
    return Spans(provider)


class Spans(Tracing):
    """Traces that are on."""

    is_on = True

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("smart-region")

    @contextmanager
    def request(self, route: str, parent: SpanOrigin | None) -> Iterator[None]:
        """Make the span of a POST request to a route; its parent is the client's, if any."""
        attributes = {"http.request.method": "POST", "http.route": route}
        with self._span(f"POST {route}", SpanKind.SERVER, attributes, parent=parent):
            yield

    def answered(self, status: int) -> None:
        """Add the status of the answer to the request's span."""
        span = get_current_span()
        span.set_attribute("http.response.status_code", status)
        if status >= _SERVER_ERRORS:
            _fail(span, str(status))

    @contextmanager
    def batch(
        self,
        topic: str,
        partition: int,
        *,
        offsets: tuple[int, int],
        records: int,
        origins: Iterable[SpanOrigin | None],
    ) -> Iterator[None]:
        """Make the span of a batch, in a trace of its own: a batch has many parents."""
        attributes = {
            **_messaging("process", topic, (partition, offsets[0])),
            "messaging.batch.message_count": records,
            "smartregion.last_offset": offsets[1],
        }
        links = [Link(_span_of(origin).get_span_context()) for origin in _first(origins)]
        with self._span(f"process {topic}", SpanKind.CONSUMER, attributes, links=links):
            yield

    def processed(self, *, refused: int, forwarded: int) -> None:
        """Add the outcome of a batch to its span."""
        get_current_span().set_attributes(
            {"smartregion.refused": refused, "smartregion.forwarded": forwarded}
        )

    def current(self) -> SpanOrigin | None:
        """Return the current span as the origin of a record."""
        carrier: dict[str, str] = {}
        _W3C.inject(carrier)
        traceparent = carrier.get("traceparent")
        return None if traceparent is None else (traceparent, carrier.get("tracestate", ""))

    def sent(
        self,
        topic: str,
        origin: SpanOrigin,
        *,
        began: int,
        position: tuple[int, int | None] | None = None,
        error: str | None = None,
    ) -> None:
        """Add a span to the trace of a record's origin, with a link to the current span."""
        span = self._tracer.start_span(
            f"send {topic}",
            _context_of(origin),
            SpanKind.PRODUCER,
            _messaging("send", topic, position),
            [Link(get_current_span().get_span_context())],
            began,
        )
        if error is not None:
            _fail(span, error)
        span.end()

    def end(self) -> None:
        """Export the last spans; what takes longer than _END_SECONDS is dropped."""
        # The exporter retries for longer than a stop may take.
        thread = Thread(target=self._provider.shutdown, daemon=True)
        thread.start()
        thread.join(_END_SECONDS)

    @contextmanager
    def _span(
        self,
        name: str,
        kind: SpanKind,
        attributes: Mapping[str, AttributeValue],
        *,
        parent: SpanOrigin | None = None,
        links: list[Link] | None = None,
    ) -> Iterator[None]:
        with self._tracer.start_as_current_span(
            name,
            _context_of(parent),
            kind,
            attributes,
            links,
            record_exception=False,  # Its message may repeat a record.
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except Exception as error:
                _fail(span, type(error).__name__)
                raise


def _messaging(
    operation: str, topic: str, position: tuple[int, int | None] | None
) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {
        "messaging.system": "kafka",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": topic,
    }
    if position is not None:
        partition, offset = position
        attributes["messaging.destination.partition.id"] = str(partition)
        if offset is not None:
            attributes["messaging.kafka.offset"] = offset
    return attributes


def _fail(span: Span, error: str) -> None:
    span.set_attribute("error.type", error)
    span.set_status(Status(StatusCode.ERROR))


def _first(origins: Iterable[SpanOrigin | None]) -> Iterable[SpanOrigin]:
    """Return the first MOST_LINKS distinct origins."""
    found: dict[SpanOrigin, None] = {}
    for origin in filter(None, origins):
        found[origin] = None
        if len(found) == MOST_LINKS:
            break
    return found


def _context_of(origin: SpanOrigin | None) -> Context:
    """Return a context with the span of another program; without an origin, with none."""
    if origin is None:
        return Context()
    traceparent, tracestate = origin
    return _W3C.extract({"traceparent": traceparent, "tracestate": tracestate}, Context())


def _span_of(origin: SpanOrigin) -> Span:
    return get_current_span(_context_of(origin))
