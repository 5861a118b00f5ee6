"""A webhook for tests: takes what is posted to it, and keeps it with the moment it came."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.loopback import Answer, HttpRequest, loopback


class Webhook:
    """What arrived at a server: JSON bodies by place, in the order they came."""

    def __init__(self) -> None:
        self.url = ""
        self.received: list[tuple[str, Any]] = []
        self.moments: list[float] = []
        """When each came, on `time.monotonic()`'s clock."""

    def take(self, request: HttpRequest) -> Answer:
        self.moments.append(time.monotonic())
        self.received.append((request.target, json.loads(request.body)))
        return Answer(body=b"ok")  # What a chat answers.


@contextmanager
def webhook_server() -> Iterator[Webhook]:
    webhook = Webhook()
    with loopback(webhook.take) as webhook.url:
        yield webhook
