"""The HTTP client, on real servers and a real proxy."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from socket import create_server
from threading import Thread

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from boundary.addresses import UnusableAddressError
from boundary.http_client import HttpAnswer, HttpClient, NoAnswerError, SlowAnswerError, http_get
from operations.programs.addresses import free_address
from tests.support.gateway_stub import GatewayStub, gateway_stub
from tests.support.loopback import Answer, RecordingServer, recording_server

TOKEN = "open-sesame"  # noqa: S105 - not one
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECONDS = 5.0
AUTHORITIES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


@pytest.fixture
def other_server() -> Iterator[RecordingServer]:
    with recording_server(body=b"the whole body") as other_server:
        yield other_server


@pytest.fixture
def stub() -> Iterator[GatewayStub]:
    with gateway_stub() as stub:
        yield stub


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordingServer]:
    with recording_server(status=502) as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        yield proxy


@contextmanager
def endless(head: bytes, part: bytes) -> Iterator[str]:
    """Yield the address of a server that answers one request, until its client has gone."""
    with create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(SECONDS)

        def answer() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.recv(4096)
                connection.sendall(head)
                while True:
                    connection.sendall(part)

        thread = Thread(target=answer, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(SECONDS)


def client_of(url: str, **options: bool | int) -> HttpClient:
    return HttpClient(url, seconds=(5, 5), **options)  # type: ignore[arg-type]


def posted(url: str, body: bytes = b"[]", headers: dict[str, str] | None = None) -> HttpAnswer:
    with client_of(url) as client:
        return client.exchange("POST", url, body=body, headers=headers)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer(status: int, other_server: RecordingServer) -> None:
    with recording_server(status=status, headers={"Location": other_server.url}) as worker:
        assert http_get(worker.url, token=TOKEN, seconds=5).status == status
    assert worker.secrets == [f"Bearer {TOKEN}"]
    assert other_server.lines == []


def test_no_cookie_is_taken(stub: GatewayStub) -> None:
    """None is sent again; Python's reader of them warned of this one with a traceback."""
    cookies = iter((f"a=b; max-age={'9' * 5000}", "c=d", "e=f"))
    stub.behaviour = lambda _: Answer(headers={"Set-Cookie": next(cookies)})
    with HttpClient(stub.url, seconds=SECONDS) as client, warnings.catch_warnings(record=True) as w:
        warnings.simplefilter("always")
        for _ in range(3):
            client.exchange("POST", stub.url)

    assert w == []
    assert not client.cookies
    assert "cookie" not in {name.lower() for headers, _ in stub.requests for name in headers}


def test_a_library_s_request_is_bounded_too(other_server: RecordingServer) -> None:
    with client_of(other_server.url, most_bytes=8) as client:
        response = client.get(other_server.url, timeout=5)
        assert (response.content, client.answer.body) == (b"the whol", b"the whol")


def test_what_is_posted_arrives(stub: GatewayStub) -> None:
    stub.behaviour = lambda _: Answer(207, {"a": 1}, {"Retry-After": "3"})
    answer = posted(stub.url, b'[{"id": "\xc3\xa9"}]', {"x-proof": "p"})
    headers, body = stub.requests[0]
    assert (body, headers["x-proof"]) == (b'[{"id": "\xc3\xa9"}]', "p")
    assert (answer.status, answer.json()) == (207, {"a": 1})
    assert answer.headers["retry-after"] == "3"


def test_json_may_have_a_byte_order_mark() -> None:
    assert HttpAnswer(200, {}, b"\xef\xbb\xbf[1]").json() == [1]


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_none(body: bytes) -> None:
    assert HttpAnswer(200, {}, body).json() is None


def test_no_proxy_is_used(proxy: RecordingServer, other_server: RecordingServer) -> None:
    assert http_get(other_server.url, token=TOKEN, seconds=5).body == b"the whole body"
    assert proxy.lines == []


def test_no_proxy_reads_a_request(proxy: RecordingServer, other_server: RecordingServer) -> None:
    with client_of(other_server.url, environment_proxy=True) as client:
        assert client.exchange("GET", other_server.url).status == 200
    far = "http://far.invalid"
    with (
        client_of(far, secret=True, plain_http=True, environment_proxy=True) as client,
        pytest.raises(NoAnswerError),
    ):
        client.exchange("GET", far)
    assert proxy.lines == []


def test_a_proxy_sees_the_host_of_an_encrypted_connection(proxy: RecordingServer) -> None:
    far = "https://far.invalid"
    with client_of(far, environment_proxy=True) as client, pytest.raises(NoAnswerError):
        client.exchange("GET", f"{far}/path", headers={"Authorization": TOKEN})
    assert proxy.lines == ["CONNECT far.invalid:443"]
    assert proxy.secrets == []


@pytest.mark.parametrize(
    ("head", "part"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n.\r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"."),
    ],
)
def test_an_answer_that_does_not_end_has_a_deadline(
    head: bytes, part: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part within each step, and never the last one: the whole exchange is bounded."""
    monkeypatch.setattr("boundary.http_client.monotonic", partial(next, count(step=10)))
    with endless(head, part) as url, HttpClient(url, seconds=5) as client:
        with pytest.raises(NoAnswerError, match=r"not complete within 50 s, \d+ bytes") as caught:
            client.exchange("GET", url)
        assert isinstance(caught.value.__cause__, SlowAnswerError)
        assert (caught.value.seconds, caught.value.is_timeout) == (50, True)
        assert caught.value.cause.endswith("check the server's load and the network, and try again")


def test_an_unreachable_server_is_an_error_of_one_line() -> None:
    with pytest.raises(NoAnswerError, match=r"^Connection refused$") as caught:
        http_get(f"http://{free_address()}", seconds=5)
    assert (caught.value.is_tls, caught.value.is_timeout) == (False, False)


def test_a_token_is_not_sent_in_the_clear() -> None:
    with pytest.raises(UnusableAddressError, match="would send a secret"):
        http_get("http://worker.invalid", token=TOKEN, seconds=5)


def test_a_machine_s_netrc_does_not_replace_a_header(
    stub: GatewayStub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    posted(stub.url, headers={"authorization": "Bearer mine"})
    assert stub.requests[0][0]["authorization"] == "Bearer mine"


@pytest.mark.parametrize("variable", AUTHORITIES)
def test_tls_needs_an_authority_that_is_trusted(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for other in AUTHORITIES:
        monkeypatch.delenv(other, raising=False)
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    bundle = tmp_path / "authorities.pem"
    authority.cert_pem.write_to_path(str(bundle))
    with gateway_stub(context) as stub:
        with pytest.raises(NoAnswerError, match="certificate verify failed") as caught:
            posted(stub.url)
        assert caught.value.is_tls
        monkeypatch.setenv(variable, str(bundle))
        assert posted(stub.url).status == 202


def test_a_named_authority_is_the_only_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """REQUESTS_CA_BUNDLE names who is trusted; this machine's authorities then are not."""
    authority, other = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    for name, one in (("SSL_CERT_FILE", authority), ("REQUESTS_CA_BUNDLE", other)):
        bundle = tmp_path / name
        one.cert_pem.write_to_path(str(bundle))
        monkeypatch.setenv(name, str(bundle))
    with gateway_stub(context) as stub, pytest.raises(NoAnswerError, match="verify failed"):
        posted(stub.url)


def answered(headers: dict[str, str]) -> HttpAnswer:
    return HttpAnswer(503, headers, b"")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 7 ", 7),
        ("99999999999", 24 * 60 * 60),
        ("Sun, 01 Mar 2026 12:01:30 GMT", 90),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("Sun, 01 Mar 2026 12:01:30 -0000", None),
        ("Sun, 01 Mar 99999999999999999999 12:00:00 GMT", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float | None) -> None:
    assert answered({"Retry-After": text}).retry_after(now=NOW) == seconds


@pytest.mark.parametrize(("date", "seconds"), [("27:30", 30), ("29:30", 0)])
def test_a_date_is_by_the_server_s_own_clock(date: str, seconds: float) -> None:
    """Clocks of two machines differ."""
    headers = {
        "Date": f"Wed, 21 Oct 2015 07:{date} GMT",
        "Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT",
    }
    assert answered(headers).retry_after(now=NOW) == seconds


@given(text=st.text(max_size=40), ago=st.timedeltas(timedelta(0), timedelta(days=9)))
def test_any_retry_after_is_bounded(text: str, ago: timedelta) -> None:
    assert 0 <= (answered({"Retry-After": text}).retry_after(now=NOW - ago) or 0) <= 24 * 60 * 60
