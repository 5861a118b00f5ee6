"""What the gateway answered to a batch: what became of each event, read with suspicion.

Whatever is not the gateway's own answer (a proxy's page, a portal's login) delivers nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final

from boundary.addresses import shown_address
from boundary.errors import SmartRegionError
from boundary.http_client import HttpAnswer
from boundary.retry_policy import RetryableError, retry_after
from boundary.showing import one_line

__all__ = [
    "BatchTooLargeError",
    "EventAnswer",
    "EventFate",
    "GatewayAwayError",
    "GatewayRefusedError",
    "read_answer",
]

LONGEST_CAUSE: Final = 400

_ACCEPTED: Final = 202
_MULTI_STATUS: Final = 207
_ALL_REFUSED: Final = 422
#: The request could come through another time: it was late, too early, too much, met a fault, or
#: came before with this signature: the next one is signed anew.
_PASSING: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
#: The request was too large, or something in it was more than somebody on the way could read.
_UNREADABLE: Final = frozenset({400, 413, 422, 431})


class EventFate(Enum):
    """What became of an event."""

    TAKEN = "taken"
    REFUSED = "refused"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class EventAnswer:
    """What became of one event of a batch, and why where it was not taken."""

    fate: EventFate
    cause: str = ""


class GatewayAwayError(RetryableError):
    """The gateway cannot take events now."""

    def __init__(self, url: str, *, cause: str, retry_after: float = 0.0) -> None:
        self.url = url
        self.cause = cause
        self.retry_after = retry_after
        super().__init__(
            f"gateway: takes no events, value {shown_address(url)} ({one_line(cause)}):"
            " check the address and that the gateway is up; nothing is lost that was not told"
        )


class GatewayRefusedError(SmartRegionError):
    """The gateway does not let this producer in, or what answers is not the gateway."""

    def __init__(self, url: str, *, status: int, cause: str) -> None:
        self.url = url
        self.status = status
        self.cause = cause
        super().__init__(
            f"gateway: does not let us in, value {shown_address(url)}"
            f" (status {status}: {one_line(cause)}): check the address, the producer and its secret"
        )


class BatchTooLargeError(Exception):
    """The batch as a whole could not be read: its parts may be; for the sender alone."""

    def __init__(self, cause: str) -> None:
        self.cause = cause
        super().__init__(cause)


def read_answer(
    url: str, answer: HttpAnswer, *, events: int, now: datetime
) -> Sequence[EventAnswer]:
    """Return what became of each of a batch's `events`, in their order.

    Raises GatewayAwayError where none was taken and all may be later; BatchTooLargeError where the
    batch has to be sent in parts; GatewayRefusedError where sending it again would not help.
    """
    status, content = answer.status, answer.json()
    if status == _ACCEPTED and _list(content, "receipts") == events:
        return [EventAnswer(EventFate.TAKEN)] * events
    if status in (_MULTI_STATUS, _ALL_REFUSED) and _list(content, "items") == events:
        return _outcomes(url, content["items"])
    cause = _cause(content) or f"status {status}"
    if status in _PASSING:
        seconds = retry_after(answer.headers, now=now) or 0.0
        raise GatewayAwayError(url, cause=cause, retry_after=seconds)
    if status in _UNREADABLE:
        raise BatchTooLargeError(cause)
    if status < 300:  # noqa: PLR2004 - a success that is not ours
        cause = "it answers, but not as the gateway does"
    raise GatewayRefusedError(url, status=status, cause=cause)


def _list(content: Any, name: str) -> int | None:  # noqa: ANN401 - whatever was answered
    found = content.get(name) if isinstance(content, dict) else None
    return len(found) if isinstance(found, list) else None


def _outcomes(url: str, items: Sequence[Any]) -> Sequence[EventAnswer]:
    by_index: dict[int, EventAnswer] = {}
    for item in items:
        index = item.get("index") if isinstance(item, dict) else None
        if isinstance(index, int) and isinstance(item.get("status"), int):
            by_index[index] = _outcome(item)
    if by_index.keys() != set(range(len(items))):
        raise GatewayAwayError(url, cause="its answer does not say what became of each event")
    return [by_index[index] for index in range(len(items))]


def _outcome(item: Mapping[str, Any]) -> EventAnswer:
    status = item["status"]
    if status == _ACCEPTED:
        return EventAnswer(EventFate.TAKEN)
    cause = _cause(item.get("problem")) or f"status {status}"
    return EventAnswer(EventFate.LATER if status in _PASSING else EventFate.REFUSED, cause)


def _cause(problem: Any) -> str | None:  # noqa: ANN401 - whatever was answered
    """What a problem (RFC 9457) says, as far as it can be shown."""
    if not isinstance(problem, dict):
        return None
    said = problem.get("detail") or problem.get("title")
    if not isinstance(said, str):
        return None
    printable = "".join(sign if sign.isprintable() else " " for sign in said[: LONGEST_CAUSE + 1])
    return printable if len(printable) <= LONGEST_CAUSE else f"{printable[: LONGEST_CAUSE - 1]}…"
