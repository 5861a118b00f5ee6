"""The HAProxy before the gateway: whose token it lets through, and what it answers itself."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from events.producers.secrets import Scheme, issue, token_digest
from gateway.problems import problem_kinds
from tests.support.gateway import PRODUCER, STRUCTURED, event, signed
from tests.support.haproxy import CONFIGURATIONS, Haproxy
from tests.support.kafka import KafkaBroker
from tests.support.raw_http import RawConnection, asked, post, proxied, request
from tests.support.running_gateway import new_gateway
from tests.support.waiting import wait_until

BODY = json.dumps(event()).encode()


class Front:
    """A gateway, the HAProxy before it, and the producer's tokens in the file of secrets."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self.folder = folder
        self.gateway, self.first = new_gateway(bootstrap, folder, gateway_haproxy=str(folder))
        self.haproxy: Haproxy | None = None

    def accept(self, *tokens: str) -> None:
        self.first.file.write_text(
            yaml.safe_dump({PRODUCER: {"bearer_sha256": [token_digest(one) for one in tokens]}})
        )

    def status(self, token: str, *, directly: bool = False) -> int:
        assert self.haproxy is not None
        headers = (f"content-type: {STRUCTURED}", f"authorization: Bearer {token}")
        port = self.direct_port if directly else self.haproxy.port
        return asked(port, post(BODY, *headers)).status

    @property
    def direct_port(self) -> int:
        return int(self.gateway._env["SMART_REGION_GATEWAY_PORT"])


@pytest.fixture(scope="module")
def shared(shared_broker: KafkaBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("front")
    made = Front(shared_broker.bootstrap, folder)
    with made.gateway, made.gateway.behind_haproxy(folder) as haproxy:
        made.haproxy = haproxy
        yield made


@pytest.fixture
def front(shared: Front) -> Front:
    """Return one that accepts the first token alone."""
    shared.accept(shared.first.token)
    assert wait_until(lambda: shared.status(shared.first.token) == 202, seconds=20)
    return shared


def new_token() -> str:
    return issue(PRODUCER, Scheme.BEARER).secret.get_secret_value()


def test_a_rotation_needs_no_restart(front: Front) -> None:
    second = new_token()
    assert front.status(front.first.token) == 202
    assert front.status(second) == 401

    front.accept(front.first.token, second)
    assert wait_until(lambda: front.status(second) == 202, seconds=20)
    assert front.status(front.first.token) == 202

    front.accept(second)
    assert wait_until(lambda: front.status(front.first.token) == 401, seconds=20)
    assert wait_until(lambda: front.status(front.first.token, directly=True) == 401, seconds=20)
    assert front.status(second) == 202

    front.accept()
    assert wait_until(lambda: front.status(second) == 401, seconds=20)


def test_a_file_with_an_error_changes_nothing(front: Front) -> None:
    front.first.file.write_text(f"{PRODUCER}: [")

    assert wait_until(lambda: "secrets are as before" in front.gateway.log, seconds=20)
    assert front.status(front.first.token) == 202


def test_the_gateway_trusts_the_address_that_haproxy_names(front: Front) -> None:
    """Not one that a client claims; both programs would have to be wrong for it to count."""
    headers = (
        f"content-type: {STRUCTURED}",
        f"authorization: Bearer {front.first.token}",
        "x-forwarded-for: 192.0.2.1",
        "x-forwarded-for: 192.0.2.2",
    )
    assert front.haproxy is not None
    answer = asked(front.haproxy.port, post(BODY, *headers))
    assert answer.status == 202  # The gateway refuses a header that comes twice.


@pytest.mark.parametrize("way", ["the PROXY protocol", "X-Forwarded-For"])
def test_a_client_of_a_proxy_keeps_no_other_out(front: Front, tmp_path: Path, way: str) -> None:
    """Neither by idle connections nor by wrong tokens; the limits are its own."""
    by_header = way == "X-Forwarded-For"
    shutil.copy(front.folder / "tokens.map", tmp_path)
    variables = {"TRUSTED_PROXY": "127.0.0.1"} if by_header else {"BIND_OPTIONS": "accept-proxy"}
    variables |= {"RUN": str(tmp_path), "GATEWAY": f"127.0.0.1:{front.direct_port}"}

    def status(client: str, token: str) -> int | None:
        headers = [f"content-type: {STRUCTURED}", f"authorization: Bearer {token}"]
        headers += [f"x-forwarded-for: {client}"] if by_header else []
        with suppress(ConnectionResetError), RawConnection(haproxy.port) as line:
            line.send(b"" if by_header else proxied(client))
            line.send(post(BODY, *headers))
            answer = line.answer()
            return None if answer is None else answer.status
        return None

    ours, other = front.first.token, new_token()
    with Haproxy("gateway", tmp_path, variables) as haproxy:
        with ExitStack() as stack:
            for _ in range(120):
                line = stack.enter_context(RawConnection(haproxy.port))
                line.send(b"" if by_header else proxied("192.0.2.1"))
            assert status("192.0.2.2", ours) == 202
            assert status("192.0.2.1", ours) == (202 if by_header else None)
        assert {status("192.0.2.1", other) for _ in range(205)} == {401, 503}
        assert status("192.0.2.1", ours) == 503
        assert status("192.0.2.2", ours) == 202


def test_an_early_refusal_says_what_the_gateway_does(front: Front) -> None:
    """HAProxy answers it, so that the rest of the body keeps no place."""
    late = datetime.now(UTC) - timedelta(hours=1)
    signature = [f"{name}: {value}" for name, value in signed(BODY, at=late).items()]
    assert front.haproxy is not None
    sent = request(
        "POST", "/events", f"content-type: {STRUCTURED}", "content-length: 99999", *signature
    )
    answer = asked(front.haproxy.port, sent + b" " * 16_500)
    assert answer.status == 401
    assert "x-early" not in answer.headers
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json["detail"].startswith("wrong time: sign when you send")


def test_haproxy_knows_the_tokens_after_a_restart(front: Front) -> None:
    # The last one: it ends the HAProxy.
    second = new_token()
    assert front.haproxy is not None
    front.haproxy.kill()
    front.accept(second)
    tokens = front.folder / "tokens.map"
    assert wait_until(lambda: token_digest(second) in tokens.read_text(), seconds=20)

    with front.haproxy:
        assert front.status(second) == 202
        assert front.status(front.first.token) == 401


def test_an_answer_of_haproxy_is_a_problem_of_the_gateway() -> None:
    lines = (CONFIGURATIONS / "gateway.cfg").read_text(encoding="utf-8").splitlines()
    texts = [
        found[1] for one in lines if (found := re.search(r"http-error .* string '(.*)'$", one))
    ]

    assert len(texts) == 10
    for problem in map(json.loads, texts):
        kind = problem_kinds()[problem["type"].removeprefix("/problems/")]
        assert problem["title"] == kind.title
        assert problem["status"] == kind.status or problem["status"] in (502, 504)
