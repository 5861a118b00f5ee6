"""Whether a process of ours is well: what its /healthz or /readyz answers, asked from outside."""

from __future__ import annotations

from typing import Final

from boundary.addresses import UnusableAddressError, shown_address
from boundary.errors import SmartRegionError
from boundary.http_client import HttpAnswer, NoAnswerError, http_get

__all__ = ["UnwellError", "ask_health"]

OK: Final = 200
#: Of an answer no more is read, whoever gives it.
LONGEST_ANSWER: Final = 4096


class UnwellError(SmartRegionError):
    """A process says that it is not ready, or says nothing."""

    def __init__(self, url: str, *, reason: str) -> None:
        self.url = url
        super().__init__(f"{shown_address(url)}: {reason}")


def ask_health(url: str, *, seconds: float) -> None:
    """Return where `url`, an address of http or https, answers 200 in time.

    Raises UnwellError with what the process waits for, where it says so, or why there is no answer.
    """
    try:
        answer = http_get(url, seconds=seconds, most_bytes=LONGEST_ANSWER)
    except UnusableAddressError as error:
        raise UnwellError(url, reason=f"{error.problem}: {error.remedy}") from None
    except NoAnswerError as error:
        raise UnwellError(url, reason=f"no answer ({error.cause})") from error
    if answer.status != OK:
        reason = _waiting_for(answer) or f"answers with status {answer.status}"
        raise UnwellError(url, reason=reason)


def _waiting_for(answer: HttpAnswer) -> str | None:
    try:
        return f"waits for {answer.json()['waiting_for']}"
    except (KeyError, TypeError):
        return None
