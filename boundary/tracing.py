"""Traces of OpenTelemetry, off unless its own `OTEL_` variables request them (docs/traces.md).

`boundary.spans`, which needs the extra `otel`, is imported only where they are on.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Final, TypeAlias

from boundary.addresses import shown_address
from boundary.errors import SmartRegionError
from boundary.extras import needs_extra

_DISABLED: Final = "OTEL_SDK_DISABLED"
_EXPORTER: Final = "OTEL_TRACES_EXPORTER"
_OTLP: Final = "otlp"
_HTTP: Final = "http/protobuf"
_PREFIXES: Final = ("OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_")
_SCHEMES: Final = ("http://", "https://")

SpanOrigin: TypeAlias = tuple[str, str]
"""The `traceparent` and `tracestate` of a span in another program, both valid, or "" for none."""


class Tracing:
    """Traces that are off: each method does nothing."""

    is_on = False

    def request(self, route: str, parent: SpanOrigin | None) -> AbstractContextManager[None]:  # noqa: ARG002
        """Return a context with the span of a POST request to a route."""
        return nullcontext()

    def answered(self, status: int) -> None:
        """Add the status of the answer to the request's span."""

    def batch(
        self,
        topic: str,  # noqa: ARG002
        partition: int,  # noqa: ARG002
        *,
        offsets: tuple[int, int],  # noqa: ARG002
        records: int,  # noqa: ARG002
        origins: Iterable[SpanOrigin | None],  # noqa: ARG002
    ) -> AbstractContextManager[None]:
        """Return a context with the span of a batch of records, with links to their origins.

        `offsets` are the first and the last. The links are a bounded sample.
        """
        return nullcontext()

    def processed(self, *, refused: int, forwarded: int) -> None:
        """Add the outcome of a batch to its span."""

    def current(self) -> SpanOrigin | None:
        """Return the current span as the origin of a record."""
        return None

    def sent(
        self,
        topic: str,
        origin: SpanOrigin,
        *,
        began: int,
        position: tuple[int, int | None] | None = None,
        error: str | None = None,
    ) -> None:
        """Add a span to the trace of a record's origin: the record was written to a topic.

        `began` is in nanoseconds since 1970; `position` is partition and offset; `error` is why it
        is no event of that topic, a word without content of the record.
        """

    def end(self) -> None:
        """Export the last spans, within seconds."""


OFF: Final = Tracing()


def start_tracing(program: str) -> Tracing:
    """Return a program's traces, as the `OTEL_` variables request.

    Raises SmartRegionError if they cannot be exported as requested, or the extra is missing.
    """
    requested_by = _requested_by()
    if requested_by is None:
        return OFF
    with needs_extra("otel", needed_by=requested_by):
        from boundary.spans import exported_spans  # noqa: PLC0415 - an extra
    return exported_spans(program)


def _requested_by() -> str | None:
    """Return the variable that switches traces on. Raises SmartRegionError."""
    exporter = _value(_EXPORTER)
    if _value(_DISABLED).lower() == "true" or exporter == "none":
        return None
    if exporter not in ("", _OTLP):
        raise _wrong(_EXPORTER, exporter, f"write {_OTLP} or none")
    endpoints = [name for prefix in _PREFIXES if _value(name := f"{prefix}ENDPOINT")]
    if not (exporter or endpoints):
        return None
    for name in endpoints:
        if not _value(name).startswith(_SCHEMES):
            raise _wrong(name, _value(name), "write an address as http://collector:4318")
    protocol = next((name for one in _PREFIXES if _value(name := f"{one}PROTOCOL")), None)
    if protocol is not None and _value(protocol) != _HTTP:
        raise _wrong(protocol, _value(protocol), f"write {_HTTP}, or leave it out")
    return _EXPORTER if exporter else endpoints[0]


def _value(name: str) -> str:
    return os.environ.get(name, "").strip()


def _wrong(name: str, value: str, remedy: str) -> SmartRegionError:
    return SmartRegionError(f"{name}={shown_address(value)!r}: {remedy}")
