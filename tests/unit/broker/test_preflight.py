"""The preflight of a broker, here against servers that only know TLS."""

import asyncio
import gc
import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import uvloop

from boundary.errors import SmartRegionError
from broker.errors import BrokerEntryError
from broker.preflight import FailedAttempts, preflight
from broker.security import BrokerSecurity
from tests.support.certificates import Authority, Certificate


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def trusting(authority: Authority) -> BrokerSecurity:
    return BrokerSecurity(security_protocol="SSL", ssl_cafile=str(authority.file))


@contextmanager
def listening(certificate: Certificate) -> Iterator[str]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.chain, certificate.key)

    def answer(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # The test is over.
                return
            with connection, suppress(OSError):
                context.wrap_socket(connection, server_side=True).close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,))
        thread.start()
        host, port = listener.getsockname()
        yield f"{host}:{port}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_broker_that_says_nothing_or_is_not_there_is_left_to_the_client(
    authority: Authority, trusting: BrokerSecurity
) -> None:
    with listening(authority.issue("broker")) as address:
        asyncio.run(preflight([address, "127.0.0.1:1"], trusting))


def test_the_first_refusal_is_reported_where_nobody_lets_us_in(
    authority: Authority, trusting: BrokerSecurity
) -> None:
    with (
        listening(authority.issue_expired("broker")) as address,
        pytest.raises(BrokerEntryError, match="has expired"),
    ):
        asyncio.run(preflight(["127.0.0.1:1", address], trusting))


def test_a_file_that_is_missing_is_reported_first() -> None:
    security = BrokerSecurity(security_protocol="SSL", ssl_cafile="/nowhere")
    with pytest.raises(SmartRegionError, match="SMART_REGION_SSL_CAFILE"):
        asyncio.run(preflight(["127.0.0.1:1"], security))


CLIENT = logging.getLogger("aiokafka")
UPDATE = "Unable to update metadata from [0]"


@pytest.mark.parametrize(
    ("text", "place", "cause"),
    [
        ('Unable connect to "%s:9092": %s', "kafka", "kafka:9092: refused"),
        ("Unable connect to node with id %s: %s", 3, "broker 3: refused"),
    ],
)
def test_the_cause_is_that_of_the_last_attempt(text: str, place: object, cause: str) -> None:
    with FailedAttempts() as attempts:
        CLIENT.error(text, place, OSError(111, "refused"))

    assert attempts.cause == cause


def test_a_name_whose_resolution_was_given_up_logs_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Where the broker's name does not resolve, that takes longer than the gateway's attempt."""

    async def give_up() -> None:
        loop = asyncio.get_running_loop()
        failed = asyncio.Event()

        def handle(_: object, context: dict[str, object]) -> None:
            loop.default_exception_handler(context)
            failed.set()

        loop.set_exception_handler(handle)
        attempt = asyncio.create_task(loop.create_connection(asyncio.Protocol, "no.invalid", 1))
        await asyncio.sleep(0)
        attempt.cancel()
        await asyncio.wait([attempt])
        del attempt  # It refers to the resolution.
        async with asyncio.timeout(20):
            while not failed.is_set():
                gc.collect()
                await asyncio.sleep(0.01)

    with FailedAttempts():
        uvloop.run(give_up())

    assert caplog.messages == []


@pytest.mark.parametrize(
    ("level", "lines"), [("WARNING", ["Unable to sleep"]), ("INFO", ["Unable to sleep", UPDATE])]
)
def test_lines_about_connections_are_left_out_unless_the_client_logs_its_steps(
    caplog: pytest.LogCaptureFixture, level: str, lines: list[str]
) -> None:
    caplog.set_level(level, logger="aiokafka")
    with FailedAttempts():
        CLIENT.error("Unable to sleep")
        CLIENT.error(UPDATE)

    assert caplog.messages == lines
