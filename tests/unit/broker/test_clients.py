"""How a broker is reached."""

import asyncio
import gc
import io
import logging
import threading
from itertools import count
from types import SimpleNamespace

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient
from kafka.cluster import ClusterMetadata
from kafka.errors import KafkaConfigurationError, UnknownBrokerIdError

from boundary.errors import SmartRegionError
from broker import clients
from broker.clients import administering, opened
from broker.errors import BrokerUnreachableError
from operations.programs.addresses import address_of, free_port


@pytest.mark.parametrize(
    "bootstrap", ["", "localhost", "host:port", "http://host:9092", "a:1,", "a:1;b:2", "::1:9092"]
)
def test_what_is_no_address_is_refused_at_once(bootstrap: str) -> None:
    with pytest.raises(SmartRegionError, match="write HOST:PORT"):
        opened(print, bootstrap)


def complaining_client(**_config: object) -> object:
    """Fail as kafka-python does: warn of each attempt, then give up without a reason."""
    log = logging.getLogger("kafka.net.manager")
    log.warning("Bootstrap connection to bootstrap-0 failed: first reason (backoff 0.05 secs)")
    log.warning("Bootstrap bootstrap-0 not ready; waiting 0.05 secs")
    log.warning("Bootstrap connection to bootstrap-0 failed: wrong password (backoff 0.1 secs)")
    message = "unable to bootstrap"
    raise OSError(message)


def test_the_last_reason_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(BrokerUnreachableError, match=r"\(wrong password\)"):
        opened(complaining_client, "host:9092")
    assert caplog.text == ""


def test_several_addresses_are_separated_by_commas() -> None:
    assert opened(lambda **config: config["bootstrap_servers"], "a:1, [::1]:2") == [
        "a:1",
        "[::1]:2",
    ]


def test_our_own_mistake_is_not_the_broker_s() -> None:
    with pytest.raises(KafkaConfigurationError):
        opened(KafkaAdminClient, "127.0.0.1:1", linger_ms=5)


@pytest.mark.slow
@pytest.mark.parametrize("make", [KafkaAdminClient, KafkaConsumer, KafkaProducer])
def test_a_refused_connection_leaves_no_socket_and_no_thread(make: type) -> None:
    before = set(threading.enumerate())
    with pytest.raises(BrokerUnreachableError, match="ECONNREFUSED"):
        opened(make, address_of(free_port()), connect_seconds=0.3)
    gc.collect()
    assert set(threading.enumerate()) <= before


class _MovingCoordinator:
    broker_version_data = SimpleNamespace(api_version=lambda _: 4)

    def __init__(self) -> None:
        self.cluster = ClusterMetadata()
        self._nodes = count(1)

    async def send(self, *_: object, **__: object) -> SimpleNamespace:
        found = SimpleNamespace(
            key="monitor", node_id=next(self._nodes), host="broker", port=9092, error_code=0
        )
        return SimpleNamespace(coordinators=[found])


def test_a_group_s_coordinator_is_asked_for_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that has moved answers nothing any more where it was."""

    def unconnected(make: type[KafkaAdminClient], *_: object, **__: object) -> KafkaAdminClient:
        admin = object.__new__(make)
        admin._manager = _MovingCoordinator()
        return admin

    monkeypatch.setattr(clients, "opened", unconnected)
    monkeypatch.setattr(KafkaAdminClient, "close", lambda _: None)

    with administering("broker:9092", what="topics") as admin:
        asked = [asyncio.run(admin._find_coordinator_ids(["monitor"])) for _ in range(2)]

    assert asked == [{"monitor": 1}, {"monitor": 2}]


def test_a_partition_without_a_leader_is_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "opened", lambda *_, **__: io.BytesIO())

    with (
        pytest.raises(BrokerUnreachableError, match="--unavailable-partitions"),
        administering("broker:9092", what="topics"),
    ):
        raise UnknownBrokerIdError(-1)
