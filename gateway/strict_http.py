"""HTTP/1.1 without what two programs could read differently: h11, less its leniency."""

from __future__ import annotations

import re
from typing import Final, TypeAlias

import h11
from h11._receivebuffer import ReceiveBuffer, blank_line_regex

from gateway.problems import KINDS

__all__ = ["MOST_LINES", "RefusedRequestError", "StrictConnection"]

MOST_LINES: Final = 128
"""Of a request's head, or of what follows a chunked body: each takes as long as a hundred bytes."""

_VERSIONS: Final = (b"1.0", b"1.1")
_CHUNK_HEADER: Final = re.compile(rb"([0-9A-Fa-f]{1,16})(;[^\x00\r\n]*)?\r\n")
_FREE_CHUNKS: Final = 1024
_SMALLEST_CHUNK: Final = 64
"""Bytes of a body for each further chunk: reading a chunk takes as long as thousands of bytes."""
_LINE_END: Final = b"\r\n"
_BLANKS: Final = (b" ", b"\t")
#: A line's end that is LF alone, or after which the next line begins with a blank.
_LENIENT: Final = re.compile(rb"\n(?:(?<!\r\n)|[ \t])")
_Event: TypeAlias = h11.Event | type[h11.NEED_DATA | h11.PAUSED]


class RefusedRequestError(h11.RemoteProtocolError):
    """A request that is HTTP to some, and not to others; its connection is closed."""

    def __init__(self, name: str, detail: str) -> None:
        self.problem = KINDS[name].problem(detail)
        super().__init__(detail, error_status_hint=self.problem["status"])


class StrictConnection(h11.Connection):
    """A server's side of a connection that refuses what RFC 9112 lets it refuse.

    A proxy that reads a request's end elsewhere than its server does lets a client smuggle another
    request past it. `most` is the largest number of bytes of a request's head.
    """

    def __init__(self, most: int, *, parts_at_once: int | None = None) -> None:
        """Take the bounds; after `parts_at_once` parts of bodies the next wait for `go_on`."""
        super().__init__(h11.SERVER, most)
        self._lines = _StrictBuffer(most)
        self._receive_buffer = self._lines
        self._parts_at_once = parts_at_once
        self._parts = 0

    @property
    def unread(self) -> int:
        """How many bytes have come that were not looked at."""
        return len(self._lines)

    @property
    def is_cut(self) -> bool:
        """Whether `next_event` says no more because it has said enough at once."""
        return self._parts == self._parts_at_once

    def go_on(self) -> None:
        """Let `next_event` say as much again."""
        self._parts = 0

    def next_event(self) -> _Event:
        """Return what comes next. Raises RemoteProtocolError."""
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
    """Takes lines that end with CR LF alone, and no line that goes on with the one before.

    h11 also takes a bare LF, unfolds lines, and passes over what follows a chunk's size. It is here
    that it splits what came into lines, so heads, trailers and chunks are all seen.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self.begin_body()

    def begin_body(self) -> None:
        """Count chunks anew."""
        self._chunks = 0
        self._bytes = 0

    def maybe_extract_lines(self) -> list[bytearray] | None:
        """Take out all up to a blank line; None where it has not come yet."""
        if self._data[:1] == b"\n":
            raise _malformed("a line ends with LF alone: end it with CR LF")
        if self._data[:2] == _LINE_END:
            self._extract(2)
            return []
        found = blank_line_regex.search(self._data, self._multiple_lines_search)
        if found is None:
            self._multiple_lines_search = max(0, len(self._data) - 2)
            return None
        # h11 minds how much it keeps of a head that is not complete, and no others.
        if found.end() > self._most:
            raise _huge(f"they have more than {self._most} bytes")
        head = self._extract(found.end())
        lenient = _LENIENT.search(head)
        if head.startswith(_BLANKS) or (lenient is not None and lenient[0].endswith(_BLANKS)):
            raise _malformed("a line begins with a blank: send each header in one line")
        if lenient is not None:
            raise _malformed("a line ends with LF alone: end it with CR LF")
        lines = head.split(_LINE_END)[:-2]
        if len(lines) > MOST_LINES:
            raise _huge(f"they have more than {MOST_LINES} lines")
        return lines

    def maybe_extract_next_line(self) -> bytearray | None:
        """Take out the line before a chunk; None where it has not come yet."""
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
    """Raise RefusedRequestError where a body's end could be seen in two places."""
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
        raise RefusedRequestError("ambiguous_request", "HTTP/1.0 knows no transfer-encoding")


def _huge(detail: str) -> RefusedRequestError:
    return RefusedRequestError("headers_too_large", f"headers: {detail}: send fewer")


def _malformed(detail: str) -> RefusedRequestError:
    return RefusedRequestError("malformed_request", detail)
