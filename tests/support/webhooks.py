"""A webhook for tests: keeps what is posted to it, with the time of arrival."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.loopback import Answer, HttpRequest, loopback


class Webhook:
    """The JSON bodies that arrived at a server, by path, in order."""

    def __init__(self) -> None:
        self.url = ""
        self.received: list[tuple[str, Any]] = []
        self.moments: list[float] = []
        """When each arrived, on `time.monotonic()`'s clock."""

    def take(self, request: HttpRequest) -> Answer:
        self.moments.append(time.monotonic())
        self.received.append((request.target, json.loads(request.body)))
        return Answer(body=b"ok")  # What a chat answers.


@contextmanager
def webhook_server() -> Iterator[Webhook]:
    webhook = Webhook()
    with loopback(webhook.take) as webhook.url:
        yield webhook
