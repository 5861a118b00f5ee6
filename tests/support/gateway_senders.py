"""Senders to a gateway, which repeat what was not accepted, and keep every receipt."""

from __future__ import annotations

import http.client
import itertools
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from events.cloudevent import decode_json
from events.errors import ContractError
from tests.support.gateway import BATCH
from tests.support.gateways import Gateway
from tests.support.producers import EVERYTHING, UNLIMITED, producer
from tests.support.traffic import Message

EVENTS_PER_BATCH: Final = 100
HANG_UP_SECONDS: Final = 0.1
"""The pause after a connection has ended: the gateway may be down for a while."""

#: All systems of the simulator as one producer with a quota that is never reached.
REGION: Final = producer("region", "urn:iledefrance", types=EVERYTHING, quota=UNLIMITED)

ID: Final = re.compile(rb'"id":"([^"]*)"')

Batch = list[tuple[str, bytes]]
"""Events with their ids."""
Position = tuple[str, int, int]


@dataclass
class Account:
    """The answers to all senders."""

    receipts: dict[str, Position] = field(default_factory=dict)
    answers: Counter[int] = field(default_factory=Counter)
    hung_up: int = 0
    refused: list[object] = field(default_factory=list)


def batches(lines: Sequence[bytes]) -> Iterator[Batch]:
    batch: Batch = []
    for turn in itertools.count():
        for line in lines:
            found = ID.search(line)
            assert found is not None
            name = f"{found[1].decode()}-{turn:03}"
            batch.append((name, with_id(line, name)))
            if len(batch) == EVENTS_PER_BATCH:
                yield batch
                batch = []


def with_id(line: bytes, name: str) -> bytes:
    return ID.sub(b'"id":"%s"' % name.encode(), line, count=1)


@dataclass
class _Senders:
    """Send batch after batch; send again what was not accepted, as a client should."""

    port: int
    headers: dict[str, str]
    waiting: Iterator[Batch]
    account: Account
    lock: threading.Lock = field(default_factory=threading.Lock)
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Send over one connection until it is over."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        batch: Batch = []
        while not self.over.is_set():
            if not batch:
                with self.lock:
                    batch = next(self.waiting)
            batch = self._send(connection, batch)
        connection.close()

    def _send(self, connection: http.client.HTTPConnection, batch: Batch) -> Batch:
        """Send a batch; return the part to send again."""
        body = b"[%s]" % b",".join(line for _, line in batch)
        account = self.account
        try:
            connection.request("POST", "/events", body, self.headers)
            answer = connection.getresponse()
            parsed = json.loads(answer.read())
        except (OSError, http.client.HTTPException):
            connection.close()
            with self.lock:
                account.hung_up += 1
            self.over.wait(HANG_UP_SECONDS)
            return batch
        with self.lock:
            account.answers[answer.status] += 1
            if answer.status == 202:
                account.receipts.update(_position(one) for one in parsed["receipts"])
                return []
            items = parsed.get("items")
            if items is None:
                if answer.status != 503:
                    account.refused.append(parsed)
                    return []
                time.sleep(min(1.0, float(answer.headers["retry-after"])))
                return batch
            account.receipts.update(_position(one["receipt"]) for one in items if "receipt" in one)
            account.refused += [one for one in items if one["status"] not in (202, 503)]
        return [batch[one["index"]] for one in items if one["status"] == 503]


def _position(receipt: dict[str, object]) -> tuple[str, Position]:
    topic, partition, offset = receipt["topic"], receipt["partition"], receipt["offset"]
    assert isinstance(topic, str)
    assert isinstance(partition, int)
    assert isinstance(offset, int)
    return str(receipt["id"]), (topic, partition, offset)


@contextmanager
def sending(
    gateway: Gateway, token: str, waiting: Iterator[Batch], account: Account, *, senders: int
) -> Iterator[None]:
    """Let all senders send the waiting batches; at the end each waits for its last answer."""
    headers = {"content-type": BATCH, "authorization": f"Bearer {token}"}
    sent = _Senders(gateway.port, headers, waiting, account)
    threads = [threading.Thread(target=sent.run, daemon=True) for _ in range(senders)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        sent.over.set()
        for thread in threads:
            thread.join(60)
    assert not any(thread.is_alive() for thread in threads)


def is_right(message: Message) -> bool:
    """Return whether a record is an event: the simulated systems also make mistakes."""
    try:
        decode_json(message.value)
    except ContractError:
        return False
    return True
