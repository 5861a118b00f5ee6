"""Keeps aiokafka's log lines about failed connections, for programs that report them themselves."""

from __future__ import annotations

import logging
import re
from typing import Final, Self

from boundary.terminal import one_line

_LOGGER: Final = "aiokafka"
_ATTEMPT: Final = re.compile(
    r'Unable (?:connect to|to request metadata from) (?:"(.*)"|node with id (\S+)): (.*)', re.DOTALL
)
_OTHER: Final = "Unable to update metadata"
_ERRNO: Final = re.compile(r"\[Errno -?\d+\] ")


class FailedAttempts(logging.Filter):
    """Keeps the client's lines about connections out of the log, and the cause of the last one.

    A client that checks each second for a broker logs an error each time. The open context filters
    these lines out, unless the client logs its steps too (`debug`).
    """

    def __init__(self) -> None:
        super().__init__()
        self._logger = logging.getLogger(_LOGGER)
        self.cause: str | None = None
        """The cause of the last failed attempt, with the broker's address or number."""

    def __enter__(self) -> Self:
        self._logger.addFilter(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeFilter(self)

    def forget(self) -> None:
        """Forget the cause before another attempt."""
        self.cause = None

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is logged."""
        text = record.getMessage()
        if found := _ATTEMPT.fullmatch(text):
            address, node, cause = found.groups()
            where = address or f"broker {node}"
            self.cause = one_line(f"{where}: {_ERRNO.sub('', cause) or 'no answer'}")
        elif not text.startswith(_OTHER):
            return True
        return self._logger.isEnabledFor(logging.INFO)
