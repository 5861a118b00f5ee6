"""Whether a process of ours is well: what its /healthz or /readyz answers, asked from outside."""

from __future__ import annotations

import http.client
import json
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

from events.errors import EventsError

__all__ = ["UnwellError", "ask_health"]

OK: Final = 200
#: Of an answer no more is read, whoever gives it.
LONGEST_ANSWER: Final = 4096


class UnwellError(EventsError):
    """A process says that it is not ready, or says nothing."""

    def __init__(self, url: str, *, reason: str) -> None:
        self.url = url
        super().__init__(f"{url}: {reason}")


def ask_health(url: str, *, seconds: float) -> None:
    """Return where `url`, an address of http or https, answers 200 in time.

    Raises UnwellError with what the process waits for, where it says so, or why there is no answer.
    """
    # Straight there: a proxy is for what is far away.
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(url, timeout=seconds) as answer:
            status, body = answer.status, answer.read(LONGEST_ANSWER)
    except HTTPError as error:
        with error:
            status, body = error.code, error.read(LONGEST_ANSWER)
    except URLError as error:
        raise UnwellError(url, reason=f"no answer ({error.reason})") from error
    except (OSError, http.client.HTTPException) as error:
        raise UnwellError(url, reason=f"no answer ({error})") from error
    if status != OK:
        raise UnwellError(url, reason=_told(body) or f"answers with status {status}")


def _told(body: bytes) -> str | None:
    try:
        reason = json.loads(body)["waiting_for"]
    except (ValueError, KeyError, TypeError):
        return None
    return f"waits for {reason}"
