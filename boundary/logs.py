"""Logging: one line per record, as text or JSON; libraries log from WARNING on."""

from __future__ import annotations

import json
import logging
import math
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic
from typing import Final, Literal

from boundary.errors import SmartRegionError
from boundary.terminal import legible, legible_lines

_TEXT = "%(asctime)s %(levelname)s %(name)s %(message)s"
#: Libraries that log every step of every poll at INFO.
_QUIET = ("faust", "mode", "aiokafka", "kafka", "aiohttp", "asyncio", "opentelemetry")
REPEAT_SECONDS: Final = 60.0
"""How long a library's line is not repeated: without a broker, clients log the same lines tens of
times a second."""
MOST_REMEMBERED: Final = 200
"""Lines after which all are forgotten, and written again when they are repeated."""


class TextFormatter(logging.Formatter):
    """One line per record; any further lines, and the traceback of its error, are indented."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record, escaped: foreign text in libraries' logs forges no line."""
        return legible_lines(super().format(record)).replace("\n", "\n  ")


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, logger, message, and the error if any."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return legible(json.dumps(line, ensure_ascii=False))


def traceback_of(error: BaseException) -> str:
    """Return an error's class and traceback for the log, without its message and arguments.

    Those may repeat what was sent.
    """
    lines = "".join(traceback.format_tb(error.__traceback__))
    return f"{type(error).__name__}\n{lines}".rstrip()


def log_end(logger: logging.Logger, error: BaseException) -> None:
    """Log why a process ends, with a traceback if the error is not one of ours."""
    logger.critical(
        "ending reason=%s error=%s",
        type(error).__name__,
        error,
        exc_info=None if isinstance(error, SmartRegionError) else error,
    )


def configure_logging(level: str, log_format: Literal["text", "json"]) -> None:
    """Write the log to standard error; with `debug`, libraries log every line from INFO on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_without_traceback_of_connections)
    if level != "debug":
        handler.addFilter(RareRepeats())
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter(_TEXT))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.INFO if level == "debug" else logging.WARNING)
    # It warns of each malformed request: any client could fill the log.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    # It warns of each fetch that is slow to decode, about which an operator can do nothing.
    logging.getLogger("kafka.net.selector").setLevel(logging.ERROR)
    # It warns of each of many retries before it reports a failed export.
    logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)
    # Whenever it describes the group, it warns that it cannot read the data of Faust's members.
    logging.getLogger("kafka.admin._groups").setLevel(logging.ERROR)


class RareRepeats(logging.Filter):
    """Writes a library's repeated line once per REPEAT_SECONDS, with the number of repetitions."""

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._clock = clock
        # Without a lock: when threads log one line at once, it may be written twice.
        self._written: dict[tuple[str, str], tuple[float, int]] = {}
        """When each line was written, and how often it was omitted since."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to write a record: always if it is our own or has a traceback."""
        if record.name.partition(".")[0] not in _QUIET or record.exc_info:
            return True
        line = record.name, record.getMessage()
        now = self._clock()
        at, omitted = self._written.get(line, (-math.inf, 0))
        if now - at < REPEAT_SECONDS:
            self._written[line] = at, omitted + 1
            return False
        if len(self._written) >= MOST_REMEMBERED:
            self._written.clear()
        self._written[line] = now, 0
        if omitted:
            record.msg, record.args = f"{line[1]} (and {omitted} times since)", ()
        return True


def _without_traceback_of_connections(record: logging.LogRecord) -> bool:
    """Log kafka-python's lost connections in one line, as other libraries do.

    It logs some with a traceback, which says no more than the error.
    """
    error = record.exc_info[1] if record.exc_info else None
    if record.name.startswith("kafka.net.") and isinstance(error, OSError):
        record.msg, record.args = f"{record.getMessage()}: {error!r}", ()
        record.exc_info = record.exc_text = None
    return True
