"""Strict HTTP/1.1: nothing is accepted that another parser could read differently."""

from __future__ import annotations

import re

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.strict_http import RefusedRequestError, StrictConnection

LARGEST = 4096
#: The strict form of a head, by RFC 9112: lines that end with CR LF, none of which goes on.
HEAD = re.compile(
    rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+ [^\x00- ]+ HTTP/1\.[01]\r\n"
    rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\x00\r\n]*\r\n)*\r\n"
)

parts = st.sampled_from(
    [
        b"GET / HTTP/1.1",
        b"POST / HTTP/1.0",
        b"GET / HTTP/9.9",
        b"host: x",
        b"content-length: 3",
        b"content-length: 4",
        b"transfer-encoding: chunked",
        b"x: y",
        b" z",
        b"abc",
        b"3",
        b"0",
        b"1;x=y",
    ]
)
ends = st.sampled_from(
    [b"\r\n", b"\r\n", b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"\n\n", b"\n\r\n", b""]
)
streams = st.lists(st.tuples(parts, ends), max_size=12).map(
    lambda found: b"GET / HTTP/1.1\r\n" + b"".join(one + end for one, end in found)
)


def read(connection: h11.Connection, sent: bytes, size: int) -> list[object]:
    """Return what is read of bytes that come in pieces, up to the first request's end."""
    found: list[object] = []
    for index in range(0, len(sent), size):
        connection.receive_data(sent[index : index + size])
        while True:
            try:
                event = connection.next_event()
            except h11.RemoteProtocolError:
                return [*found, "refused"]
            if event in (h11.NEED_DATA, h11.PAUSED):
                break
            if isinstance(event, h11.Data):
                found += bytes(event.data)
            else:
                found.append(event)
    return found


@given(streams, st.integers(1, 200))
def test_nothing_is_accepted_that_h11_refuses(sent: bytes, size: int) -> None:
    """What is read is read alike, in whatever pieces it comes; or it is refused."""
    strict = read(StrictConnection(LARGEST), sent, size)
    lenient = read(h11.Connection(h11.SERVER, LARGEST), sent, len(sent))

    kept = strict[:-1] if strict[-1:] == ["refused"] else strict
    assert kept == lenient[: len(kept)]


@given(streams)
def test_a_request_is_one_for_everybody(sent: bytes) -> None:
    """Its head is strict, and its body has one end."""
    for event in read(StrictConnection(LARGEST), sent, len(sent)):
        if isinstance(event, h11.Request):
            assert HEAD.match(sent)
            names = {name for name, _ in event.headers}
            assert not {b"content-length", b"transfer-encoding"} <= names


@pytest.mark.parametrize(
    "lines", [b"Content-Length: 3\r\ncontent-length: 3", b"content-length: 3, 3"]
)
def test_a_repeated_length_is_refused_also_where_both_are_equal(lines: bytes) -> None:
    """RFC 9110, 8.6 lets a server accept it; a proxy in front may forward only one of them."""
    sent = b"POST /events HTTP/1.1\r\nhost: x\r\n" + lines + b"\r\n\r\nabc"

    connection = StrictConnection(LARGEST)
    connection.receive_data(sent)

    with pytest.raises(RefusedRequestError) as refused:
        connection.next_event()
    assert refused.value.problem["status"] == 400
    assert refused.value.problem["type"] == "/problems/ambiguous_request"


@pytest.mark.parametrize(
    ("chunks", "size", "taken"), [(1_000, 1, True), (1_100, 1, False), (5_000, 64, True)]
)
def test_a_body_in_tiny_chunks_is_refused(chunks: int, size: int, *, taken: bool) -> None:
    """A chunk costs more than what is in it: many that are small would stop the event loop."""
    connection = StrictConnection(LARGEST)
    head = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"

    for _ in range(2):  # Each request may have so many.
        sent = head + (b"%x\r\n%s\r\n" % (size, b"x" * size)) * chunks + b"0\r\n\r\n"
        found = read(connection, sent, len(sent))
        assert ("refused" not in found) is taken
        if not taken:
            break
        connection.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
        connection.send(h11.EndOfMessage())
        connection.start_next_cycle()


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_valid_request_is_accepted(size: int) -> None:
    """A chunked body with an extension and a trailer, in pieces of any size."""
    sent = (
        b"POST /events HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
        b"3;a=b\r\nabc\r\n0\r\nx: y\r\n\r\n"
    )

    request, *body, end = read(StrictConnection(LARGEST), sent, size)

    assert isinstance(request, h11.Request)
    assert bytes(body) == b"abc"  # type: ignore[arg-type]
    assert isinstance(end, h11.EndOfMessage)
