"""Lines of a stream that may be endless: no more of one is kept than the longest may have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

_REST_BYTES: Final = 64 * 1024


class _LineStream(Protocol):
    def readline(self, size: int, /) -> bytes:
        """Return at most so many bytes of the next line."""


def bounded_lines(stream: _LineStream, *, longest: int) -> Iterator[bytes]:
    """Yield each line with its end; of one that has more than `longest` bytes the first of them.

    That beginning has `longest` + 1 bytes. What is behind it is read, and left out, when the next
    line is asked for.
    """
    while line := stream.readline(longest + 1):
        yield line
        while line and not line.endswith(b"\n"):
            line = stream.readline(_REST_BYTES)
