"""The gateway's answer to a batch: the outcome of each event.

An answer that is not the gateway's own (a proxy's page, a portal's login) delivers no event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from http import HTTPStatus
from typing import Any, Final

from boundary.addresses import shown_address
from boundary.errors import SmartRegionError
from boundary.http_client import HttpAnswer
from boundary.retry_policy import RetryableError
from boundary.terminal import one_line

LONGEST_CAUSE: Final = 400
LONGEST_NAME: Final = 60

_NO_EVENTS: Final = frozenset({404, 405})
_ADDRESS: Final = "the address is that of events (port 6070 by default), without a path"
_RETRYABLE: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
"""A retry may succeed: timeout, quota, fault, or a signature that was used before (each retry is
signed again)."""
_OF_NETWORKS: Final = 520
"""From here on, statuses are those of networks in front of an unreachable gateway."""
_UNREADABLE: Final = frozenset({400, 413, 422, 431})
"""The request was too large, or not readable as a whole."""


class DeliveryOutcome(Enum):
    """The outcome of one event."""

    TAKEN = "taken"
    REFUSED = "refused"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class EventAnswer:
    """The outcome of one event of a batch, with the cause where it was not accepted."""

    fate: DeliveryOutcome
    cause: str = ""


class GatewayUnavailableError(RetryableError):
    """The gateway does not accept events now; if `is_over_quota`, it said when it will."""

    def __init__(
        self, url: str, *, cause: str, retry_after: float = 0.0, is_over_quota: bool = False
    ) -> None:
        self.cause = cause
        self.retry_after = retry_after
        self.is_over_quota = is_over_quota
        super().__init__(
            f"gateway: takes no events, value {shown_address(url)} ({one_line(cause)}):"
            " check the address and that the gateway is up; every lost event is reported"
        )


class GatewayRefusedError(SmartRegionError):
    """The gateway does not accept this producer, or another server answers."""

    def __init__(self, url: str, *, status: int, cause: str, is_gateway: bool = True) -> None:
        self.cause = cause
        self.is_gateway = is_gateway
        answer = f"value {shown_address(url)} (status {status}: {one_line(cause)})"
        if not is_gateway:
            problem = "what answers does not look like the gateway"
            remedy = f"check that {_ADDRESS}, and what a proxy before it refuses"
        elif status in _NO_EVENTS:
            problem, remedy = "takes no events at this address", f"check that {_ADDRESS}"
        else:
            problem = "does not accept this producer"
            remedy = "check the address, the producer and its secret"
        super().__init__(f"gateway: {problem}, {answer}: {remedy}")


class BatchTooLargeError(GatewayRefusedError):
    """The batch could not be read as a whole; its parts may be. Internal to the publisher."""


def read_answer(
    url: str, answer: HttpAnswer, *, events: int, now: datetime
) -> Sequence[EventAnswer]:
    """Return the outcome of each of a batch's `events`, in their order.

    Raises GatewayUnavailableError if none was accepted and a retry may succeed, BatchTooLargeError
    if the batch must be sent in parts, GatewayRefusedError if a retry would not succeed.
    """
    status, content = answer.status, answer.json()
    if status == HTTPStatus.ACCEPTED and _list(content, "receipts") == events:
        return [EventAnswer(DeliveryOutcome.TAKEN)] * events
    if (
        status in (HTTPStatus.MULTI_STATUS, HTTPStatus.UNPROCESSABLE_ENTITY)
        and _list(content, "items") == events
    ):
        return _outcomes(url, content["items"])
    said = _cause(content)
    cause = said or f"status {status} of {_server(answer)}"
    if status in _RETRYABLE or status >= _OF_NETWORKS:
        after = answer.retry_after(now=now) or 0.0
        is_over_quota = status == HTTPStatus.TOO_MANY_REQUESTS and after > 0
        raise GatewayUnavailableError(
            url, cause=cause, retry_after=after, is_over_quota=is_over_quota
        )
    if status in _UNREADABLE:
        raise BatchTooLargeError(url, status=status, cause=cause, is_gateway=said is not None)
    if said is None or status < 300:  # noqa: PLR2004 - a success that is not ours
        cause = f"from {_server(answer)}"
        raise GatewayRefusedError(url, status=status, cause=cause, is_gateway=False)
    raise GatewayRefusedError(url, status=status, cause=cause)


def _server(answer: HttpAnswer) -> str:
    """Return the name that a server gives itself."""
    return one_line(answer.headers.get("Server") or "a server without a name", longest=LONGEST_NAME)


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
        raise GatewayUnavailableError(
            url, cause="its answer does not have an outcome for each event"
        )
    return [by_index[index] for index in range(len(items))]


def _outcome(item: Mapping[str, Any]) -> EventAnswer:
    status = item["status"]
    if status == HTTPStatus.ACCEPTED:
        return EventAnswer(DeliveryOutcome.TAKEN)
    cause = _cause(item.get("problem")) or f"status {status}"
    return EventAnswer(
        DeliveryOutcome.LATER if status in _RETRYABLE else DeliveryOutcome.REFUSED, cause
    )


def _cause(problem: Any) -> str | None:  # noqa: ANN401 - whatever was answered
    """Return the text of a problem (RFC 9457), printable and bounded."""
    if not isinstance(problem, dict):
        return None
    text = problem.get("detail") or problem.get("title")
    if not isinstance(text, str):
        return None
    printable = "".join(sign if sign.isprintable() else " " for sign in text[: LONGEST_CAUSE + 1])
    return printable if len(printable) <= LONGEST_CAUSE else f"{printable[: LONGEST_CAUSE - 1]}…"
