"""One line an event, as text or JSON."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette

from boundary.logs import JsonFormatter, RareRepeats, configure_logging
from boundary.web_server import listen, serving
from tests.support.async_tests import played

LIBRARY = "aiokafka"


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    names = ("faust", "mode", LIBRARY, "kafka", "aiohttp", "asyncio")
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    root.handlers = []
    yield
    root.handlers, root.level = handlers, level
    for logger, before in zip(loggers, levels, strict=True):
        logger.setLevel(before)


def test_a_json_line_has_time_level_logger_and_message(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", "json")

    logging.getLogger("streams.worker").info("ready partitions=%s", "0,1")

    line = json.loads(capsys.readouterr().err)
    assert datetime.fromisoformat(line.pop("time")).tzinfo is not None
    assert line == {
        "level": "info",
        "logger": "streams.worker",
        "message": "ready partitions=0,1",
    }


def test_a_json_line_keeps_the_traceback_on_it() -> None:
    error = ZeroDivisionError()
    record = logging.makeLogRecord({"msg": "ending", "exc_info": (type(error), error, None)})

    line = JsonFormatter().format(record)

    assert "\n" not in line
    assert "ZeroDivisionError" in json.loads(line)["error"]


def test_a_text_line_has_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", "text")

    logging.getLogger("streams.worker").warning("slow")

    assert capsys.readouterr().err.endswith(" WARNING streams.worker slow\n")


def test_no_line_of_a_library_s_text_looks_like_a_record(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("info", "text")

    logging.getLogger(LIBRARY).warning("no topic %s", "x\n2019-01-01 INFO streams.worker ready")

    _, second = capsys.readouterr().err.splitlines()
    assert second == "  2019-01-01 INFO streams.worker ready"


def test_a_lost_connection_of_the_client_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The client logs it with a traceback, which says no more than the error."""
    configure_logging("info", "text")

    error = ConnectionResetError(104, "Connection reset by peer")
    logging.getLogger("kafka.net.transport").error("closing socket", exc_info=error)

    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("closing socket: ConnectionResetError(104, 'Connection reset by peer')")


@played
async def test_a_request_that_is_no_http_is_not_logged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whoever reaches a port may send it, again and again; a header may be a token."""
    configure_logging("info", "text")

    listener = listen("127.0.0.1", 0, names=("host", "port"))
    async with serving(Starlette(), listener) as address:
        parts = urlsplit(address)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(b"GET /metrics HTTP/1.1\r\nAuthorization: Bearer s3cr\x01et\r\n\r\n")
        assert await reader.read(12) == b"HTTP/1.1 400"
        writer.close()

    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("level", "is_logged"), [("info", False), ("debug", True)])
def test_libraries_log_their_steps_only_when_asked(
    capsys: pytest.CaptureFixture[str], level: str, *, is_logged: bool
) -> None:
    configure_logging(level, "text")

    logging.getLogger(LIBRARY).info("poll")

    assert bool(capsys.readouterr().err) is is_logged


@pytest.mark.parametrize("name", ["kafka.net.selector", "kafka.admin._groups"])
def test_warnings_that_nobody_can_act_on_are_not_logged(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """They come every few seconds, and would hide the others."""
    configure_logging("info", "text")

    logging.getLogger(name).warning("again")

    assert capsys.readouterr().err == ""


def test_a_line_that_a_library_repeats_is_written_once_a_minute() -> None:
    """Without a broker a worker wrote seventy a second; how many were left out is said."""
    now = [0.0]
    repeats = RareRepeats(clock=lambda: now[0])

    def written(name: str = "aiokafka.conn", text: str = "no broker") -> str | None:
        record = logging.makeLogRecord({"name": name, "msg": "%s", "args": (text,)})
        return record.getMessage() if repeats.filter(record) else None

    assert [written(), written(), written()] == ["no broker", None, None]
    assert written(text="another") == "another"
    assert written(name="kafka") == "no broker"
    assert [written(name="streams.worker") for _ in range(2)] == ["no broker"] * 2
    now[0] = 60.0
    assert [written(), written()] == ["no broker (and 2 times since)", None]
