"""W3C trace contexts in events, and in the headers of requests and records.

An event has its own context in the attributes `traceparent` and `tracestate` (the distributed
tracing extension of CloudEvents). An invalid context is as good as none, and refuses no event.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

TRACEPARENT: Final = "traceparent"
TRACESTATE: Final = "tracestate"

_LONGEST_STATE: Final = 512
_MOST_MEMBERS: Final = 32
_TRACEPARENT_FORM: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)
_MEMBER: Final = re.compile(
    r"[a-z0-9][a-z0-9_*/-]{0,240}(?:@[a-z][a-z0-9_*/-]{0,13})?=[ -+\--<>-~]{0,255}[!-+\--<>-~]"
)


class TraceContext(NamedTuple):
    """A valid trace context: a trace, and the span in it that an event or a request comes from."""

    traceparent: str
    tracestate: str = ""

    @property
    def trace_id(self) -> str:
        """The trace's 32 hexadecimal digits."""
        return self.traceparent[3:35]

    @property
    def headers(self) -> tuple[tuple[str, bytes], ...]:
        """Headers for a record."""
        pairs = zip((TRACEPARENT, TRACESTATE), self, strict=True)
        return tuple((name, text.encode()) for name, text in pairs if text)


def read_trace_context(traceparent: object, tracestate: object = None) -> TraceContext | None:
    """Return the trace context in two values of a stranger; None if `traceparent` is invalid.

    A `tracestate` that is invalid or beyond the bounds of W3C is dropped.
    """
    if not (isinstance(traceparent, str) and _TRACEPARENT_FORM.fullmatch(traceparent)):
        return None
    is_kept = isinstance(tracestate, str) and _is_valid(tracestate)
    return TraceContext(traceparent, str(tracestate) if is_kept else "")


def _is_valid(tracestate: str) -> bool:
    if not 0 < len(tracestate) <= _LONGEST_STATE:
        return False
    members = [member.strip(" \t") for member in tracestate.split(",")]
    keys = {member.partition("=")[0] for member in members}
    return len(keys) == len(members) <= _MOST_MEMBERS and all(map(_MEMBER.fullmatch, members))
