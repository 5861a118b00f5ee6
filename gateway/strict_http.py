"""Strict HTTP/1.1: h11 without the leniency that makes parsers disagree."""

from __future__ import annotations

import re
from typing import Final, TypeAlias

import h11
from h11._receivebuffer import ReceiveBuffer, blank_line_regex

from gateway.problems import KINDS

MAX_LINES: Final = 128
"""Lines of a request's head or trailers: parsing one takes as long as a hundred bytes."""

_VERSIONS: Final = (b"1.0", b"1.1")
_CHUNK_HEADER: Final = re.compile(rb"([0-9A-Fa-f]{1,16})(;[^\x00\r\n]*)?\r\n")
_FREE_CHUNKS: Final = 1024
_SMALLEST_CHUNK: Final = 64
"""Bytes of a body for each further chunk: parsing a chunk takes as long as thousands of bytes."""
_LINE_END: Final = b"\r\n"
_BLANKS: Final = (b" ", b"\t")
#: A line's end that is LF alone, or that is followed by a folded line.
_LENIENT: Final = re.compile(rb"\n(?:(?<!\r\n)|[ \t])")
_Event: TypeAlias = h11.Event | type[h11.NEED_DATA | h11.PAUSED]


class RefusedRequestError(h11.RemoteProtocolError):
    """A request that some parsers accept and others do not; its connection is closed."""

    def __init__(self, name: str, detail: str) -> None:
        self.problem = KINDS[name].problem(detail)
        super().__init__(detail, error_status_hint=self.problem["status"])


class StrictConnection(h11.Connection):
    """The server's side of a connection; refuses everything that RFC 9112 allows to refuse.

    Where a proxy and its server disagree on a request's end, a client can smuggle another request
    past the proxy. `max_head` is in bytes of a request's head.
    """

    def __init__(self, max_head: int, *, parts_at_once: int | None = None) -> None:
        """Take the limits; after `parts_at_once` parts of bodies the next wait for `resume`."""
        super().__init__(h11.SERVER, max_head)
        self._lines = _StrictBuffer(max_head)
        self._receive_buffer = self._lines
        self._parts_at_once = parts_at_once
        self._parts = 0

    @property
    def unread(self) -> int:
        """Number of received bytes that were not parsed yet."""
        return len(self._lines)

    @property
    def is_paused(self) -> bool:
        """True where `next_event` returns nothing before `resume`."""
        return self._parts == self._parts_at_once

    def resume(self) -> None:
        """Let `next_event` return as many parts again."""
        self._parts = 0

    def next_event(self) -> _Event:
        """Return the next event. Raises RemoteProtocolError."""
        if self._parts == self._parts_at_once:
            return h11.NEED_DATA
        event = super().next_event()
        if type(event) is h11.Data:
            self._parts += 1
        elif type(event) is h11.Request:
            self._lines.begin_body()
            _refuse_ambiguous(event)
        return event


class _StrictBuffer(ReceiveBuffer):
    """Accepts lines that end with CR LF only, and no folded lines.

    h11 also accepts a bare LF, unfolds lines, drops a repeated equal length, and ignores what
    follows a chunk's size. It splits its input into lines here, so this checks heads, trailers and
    chunks.
    """

    def __init__(self, max_head: int) -> None:
        super().__init__()
        self._max_head = max_head
        self.begin_body()

    def begin_body(self) -> None:
        """Reset the count of chunks."""
        self._chunks = 0
        self._bytes = 0

    def maybe_extract_lines(self) -> list[bytearray] | None:
        """Extract the lines up to a blank one; None where it was not received yet."""
        if self._data[:1] == b"\n":
            raise _malformed("a line ends with LF alone: end it with CR LF")
        if self._data[:2] == _LINE_END:
            self._extract(2)
            return []
        found = blank_line_regex.search(self._data, self._multiple_lines_search)
        if found is None:
            self._multiple_lines_search = max(0, len(self._data) - 2)
            return None
        # h11 limits an incomplete head only.
        if found.end() > self._max_head:
            raise _too_large(f"they have more than {self._max_head} bytes")
        head = self._extract(found.end())
        lenient = _LENIENT.search(head)
        if head.startswith(_BLANKS) or (lenient is not None and lenient[0].endswith(_BLANKS)):
            raise _malformed("a line begins with a blank: send each header in one line")
        if lenient is not None:
            raise _malformed("a line ends with LF alone: end it with CR LF")
        lines = head.split(_LINE_END)[:-2]
        if len(lines) > MAX_LINES:
            raise _too_large(f"they have more than {MAX_LINES} lines")
        lengths = [line for line in lines if line.lower().startswith(b"content-length:")]
        if len(lengths) > 1 or b"," in b"".join(lengths):
            raise RefusedRequestError(
                "ambiguous_request", "content-length: is repeated: send it once"
            )
        return lines

    def maybe_extract_next_line(self) -> bytearray | None:
        """Extract the line before a chunk; None where it was not received yet."""
        line = super().maybe_extract_next_line()
        if line is None:
            return None
        found = _CHUNK_HEADER.fullmatch(line)
        if found is None:
            raise _malformed("a chunk does not begin with its size")
        self._chunks += 1
        self._bytes += int(found[1], 16)
        if self._chunks > _FREE_CHUNKS + self._bytes // _SMALLEST_CHUNK:
            raise _malformed("the chunks are too small: send fewer and larger ones")
        return line


def _refuse_ambiguous(request: h11.Request) -> None:
    """Raise RefusedRequestError where parsers could disagree on the body's end."""
    if request.http_version not in _VERSIONS:
        raise _malformed("the version is not understood: send HTTP/1.1")
    names = [name.lower() for name, _ in request.headers.raw_items()]
    if b"transfer-encoding" not in names:
        return
    if b"content-length" in names:
        raise RefusedRequestError(
            "ambiguous_request", "content-length and transfer-encoding: send one of them"
        )
    if request.http_version == b"1.0":
        raise RefusedRequestError("ambiguous_request", "HTTP/1.0 has no transfer-encoding")


def _too_large(detail: str) -> RefusedRequestError:
    return RefusedRequestError("headers_too_large", f"headers: {detail}: send fewer")


def _malformed(detail: str) -> RefusedRequestError:
    return RefusedRequestError("malformed_request", detail)
