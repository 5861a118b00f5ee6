"""The health of a process of ours, by its /healthz or /readyz."""

from __future__ import annotations

from typing import Final

from boundary.addresses import UnusableAddressError, shown_address
from boundary.errors import SmartRegionError
from boundary.http_client import HttpAnswer, NoAnswerError, http_get

OK: Final = 200
#: No more is read of a response.
LONGEST_ANSWER: Final = 4096


class UnhealthyError(SmartRegionError):
    """A process is not ready, or does not answer."""

    def __init__(self, url: str, *, reason: str) -> None:
        super().__init__(f"{shown_address(url)}: {reason}")


def check_health(url: str, *, seconds: float) -> None:
    """Return where `url`, an address of http or https, answers 200 in time.

    Raises UnhealthyError with what the process waits for, where its answer has it, else the cause.
    """
    try:
        answer = http_get(url, seconds=seconds, most_bytes=LONGEST_ANSWER)
    except UnusableAddressError as error:
        raise UnhealthyError(url, reason=f"{error.problem}: {error.remedy}") from None
    except NoAnswerError as error:
        raise UnhealthyError(url, reason=f"no answer ({error.cause})") from error
    if answer.status != OK:
        reason = _waiting_for(answer) or f"answers with status {answer.status}"
        raise UnhealthyError(url, reason=reason)


def _waiting_for(answer: HttpAnswer) -> str | None:
    try:
        return f"waits for {answer.json()['waiting_for']}"
    except (KeyError, TypeError):
        return None
