"""One line an event, as text or JSON."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import threading
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette

from boundary.logs import JsonFormatter, RareRepeats, configure_logging
from boundary.web_server import listen, serving

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


def test_a_request_that_is_no_http_is_not_logged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whoever reaches a port may send it, again and again; a header may be a token."""
    configure_logging("info", "text")

    async def asked() -> bytes:
        listener = listen("127.0.0.1", 0, settings=("host", "port"))
        async with serving(Starlette(), listener) as address:
            parts = urlsplit(address)
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            writer.write(b"GET /metrics HTTP/1.1\r\nAuthorization: Bearer s3cr\x01et\r\n\r\n")
            answer = await reader.read(12)
            writer.close()
            return answer

    assert asyncio.run(asked()) == b"HTTP/1.1 400"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("name", "error"),
    [("kafka.net.transport", ZeroDivisionError()), ("streams.worker", ConnectionResetError())],
)
def test_any_other_error_keeps_its_traceback(
    capsys: pytest.CaptureFixture[str], name: str, error: Exception
) -> None:
    configure_logging("info", "text")

    logging.getLogger(name).error("failed", exc_info=error)

    assert type(error).__name__ in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(("level", "is_logged"), [("info", False), ("debug", True)])
def test_libraries_log_their_steps_only_when_asked(
    capsys: pytest.CaptureFixture[str],
    level: str,
    is_logged: bool,  # noqa: FBT001
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


def test_not_all_lines_of_a_library_are_remembered() -> None:
    repeats = RareRepeats(clock=lambda: 0.0)
    for number in range(1_000):
        assert repeats.filter(logging.makeLogRecord({"name": LIBRARY, "msg": f"{number}"}))

    assert repeats.filter(logging.makeLogRecord({"name": LIBRARY, "msg": "0"}))
    assert len(repeats._written) <= 200


class _Lost:
    """Garbage that logs when it is collected, as a forgotten task of asyncio does."""

    def __init__(self, repeats: RareRepeats) -> None:
        self.repeats = repeats
        self.itself = self

    def __del__(self) -> None:
        self.repeats.filter(logging.makeLogRecord({"name": "asyncio", "msg": f"{id(self)} lost"}))


def test_a_line_may_come_while_one_is_looked_at() -> None:
    """A collection may come anywhere: the process would write nothing more, and stand still."""

    def clock() -> float:
        if threading.current_thread() is thread:
            _Lost(repeats)
        return 0.0

    def log() -> None:
        for number in range(300):
            repeats.filter(logging.makeLogRecord({"name": LIBRARY, "msg": f"{number}"}))

    repeats = RareRepeats(clock=clock)
    thread = threading.Thread(target=log, daemon=True)
    thresholds = gc.get_threshold()
    gc.set_threshold(1, 1_000_000, 1_000_000)
    try:
        thread.start()
        thread.join(30)
    finally:
        gc.set_threshold(*thresholds)

    assert not thread.is_alive()


def test_at_debug_each_line_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("debug", "text")

    for _ in range(2):
        logging.getLogger(LIBRARY).warning("again")

    assert len(capsys.readouterr().err.splitlines()) == 2
