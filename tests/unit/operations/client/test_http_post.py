"""One POST, to a server of the tests' own."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from operations.client.gateway_answer import GatewayAwayError
from operations.client.http_post import MOST_ANSWERED, HttpPost
from tests.support.gateway_stub import GatewayStub, Said, gateway_stub


@pytest.fixture
def stub() -> Iterator[GatewayStub]:
    """Give a server."""
    with gateway_stub() as stub:
        yield stub


@pytest.fixture
def post() -> Iterator[HttpPost]:
    """Give what is tested."""
    post = HttpPost(connect_seconds=5, answer_seconds=5)
    yield post
    post.close()


def test_what_is_posted_arrives(stub: GatewayStub, post: HttpPost) -> None:
    """Body and headers as they are, and the answer as it came."""
    stub.behaviour = lambda _: Said(207, {"a": 1}, (("Retry-After", "3"),))
    answer = post(stub.url, b'[{"id": "\xc3\xa9"}]', {"x-proof": "p"})
    headers, body = stub.requests[0]
    assert (body, headers["x-proof"]) == (b'[{"id": "\xc3\xa9"}]', "p")
    assert (answer.status, json.loads(answer.body)) == (207, {"a": 1})
    assert answer.headers["retry-after"] == "3"


def test_nobody_there_is_told_in_a_few_words(stub: GatewayStub, post: HttpPost) -> None:
    """Refused connections and broken answers are both a gateway that is away."""
    stub.behaviour = lambda _: None
    with pytest.raises(GatewayAwayError, match="closed connection"):
        post(stub.url, b"[]", {})
    stub.go_away()
    with pytest.raises(GatewayAwayError, match="Connection refused"):
        post(stub.url, b"[]", {})


def test_a_redirection_is_not_followed(stub: GatewayStub, post: HttpPost) -> None:
    """Following it would turn the POST into a GET, and tell the proof to somebody else."""
    stub.behaviour = lambda _: Said(302, b"", (("Location", stub.url),))
    assert post(stub.url, b"[]", {}).status == 302
    assert len(stub.requests) == 1


def test_an_endless_answer_is_not_read_to_its_end(stub: GatewayStub, post: HttpPost) -> None:
    """Memory is bounded by what the gateway could say."""
    stub.behaviour = lambda _: Said(200, b" " * (2 * MOST_ANSWERED))
    assert len(post(stub.url, b"[]", {}).body) < 2 * MOST_ANSWERED


def test_a_machines_netrc_does_not_replace_the_proof(
    stub: GatewayStub, post: HttpPost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The header that was given is the one that is sent."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    post(stub.url, b"[]", {"authorization": "Bearer mine"})
    assert stub.requests[0][0]["authorization"] == "Bearer mine"


def test_tls_wants_an_authority_that_is_trusted(
    post: HttpPost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway of one's own authority is refused, until the environment names it."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    bundle = tmp_path / "authorities.pem"
    authority.cert_pem.write_to_path(str(bundle))
    with gateway_stub(context) as stub:
        with pytest.raises(GatewayAwayError, match="certificate verify failed"):
            post(stub.url, b"[]", {})
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
        assert post(stub.url, b"[]", {}).status == 202
