"""The page's HAProxy passes assistants' calls on, and shares the server between addresses."""

from __future__ import annotations

import json
import select
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from report.mcp_server import http_serving, mcp_server
from report.page_client import PageClient
from report.page_request import Known
from tests.support.assistants import answers, text_of
from tests.support.haproxy import Haproxy
from tests.support.loopback import in_thread
from tests.support.raw_http import RawConnection, asked, post, request
from tests.support.served_page import ServedPage, page_over
from tests.support.waiting import wait_until

HEADERS = ("content-type: application/json", "accept: application/json, text/event-stream")
ADDRESS = "127.0.0.2"


def call(tool: str, **given: str) -> bytes:
    message = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": tool, "arguments": given},
    }
    return post(json.dumps(message).encode(), *HEADERS, path="/mcp")


def answered(lines: list[RawConnection]) -> list[RawConnection]:
    return select.select(lines, [], [], 0)[0]


@contextmanager
def front(page: str, folder: Path) -> Iterator[Haproxy]:
    server = mcp_server(PageClient(page), page)
    serving = in_thread(lambda: http_serving(server, "127.0.0.1", 0, ["gateway.test"]))
    with serving as address:
        asked_at = {"PAGE": urlsplit(page).netloc, "ASSISTANTS": urlsplit(address).netloc}
        with Haproxy("page", folder, asked_at) as haproxy:
            yield haproxy


def test_page_and_assistants_have_one_address(tmp_path: Path) -> None:
    with page_over() as page, page.serving() as url, front(url, tmp_path) as haproxy:
        [answer] = answers(f"http://127.0.0.1:{haproxy.port}/mcp", ("promesses", {}))
        shown = asked(haproxy.port, request("GET", "/"))
    assert "Lien permanent" in text_of(answer)
    assert shown.status == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(request("GET", "/mcp"), 405, id="a stream of messages"),
        pytest.param(post(b" " * 8193, *HEADERS, path="/mcp"), 413, id="a large body"),
        pytest.param(post(b"{", *HEADERS, path="/"), 405, id="a call at another path"),
        pytest.param(
            request("POST", "/mcp", *HEADERS, "content-length: 100"), 408, id="a body that waits"
        ),
        pytest.param(
            request("POST", "/mcp", *HEADERS, "transfer-encoding: chunked") + b"1\r\n{",
            408,
            id="a chunk that waits",
        ),
    ],
)
def test_what_is_no_call_is_refused(tmp_path: Path, sent: bytes, status: int) -> None:
    with page_over() as page, page.serving() as url, front(url, tmp_path) as haproxy:
        assert asked(haproxy.port, sent).status == status


def test_one_address_keeps_no_other_assistant_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proceed = threading.Event()

    def slow(page: ServedPage, _: date) -> Known | None:
        assert proceed.wait(60)
        return page.now()

    monkeypatch.setattr(ServedPage, "known_on", slow)
    with ExitStack() as stack:
        url = stack.enter_context(stack.enter_context(page_over()).serving())
        haproxy = stack.enter_context(front(url, tmp_path))
        stack.callback(proceed.set)
        past = call("promesses", known_on="2018-06-30")
        lines = [
            stack.enter_context(RawConnection(haproxy.port, source=ADDRESS)) for _ in range(60)
        ]
        for line in lines:
            line.send(past)
        # What an address may not ask at once is refused at once, whichever calls came first.
        assert wait_until(lambda: len(answered(lines)) >= 50, seconds=20)
        assert all(line.starts_with(b"HTTP/1.1 503") for line in answered(lines))
        today = asked(haproxy.port, call("promesses"))
        assert "Lien permanent" in today.json["result"]["content"][0]["text"]
        with RawConnection(haproxy.port) as other:
            other.send(past)
            proceed.set()
            answer = other.answer()
        assert answer is not None
        assert not answer.json["result"]["isError"]
