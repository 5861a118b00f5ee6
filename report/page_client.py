"""The client of a running page: its JSON objects, for programs that answer with its figures."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any, Final

from boundary.addresses import UnusableAddressError, usable_address
from boundary.errors import SmartRegionError
from boundary.http_client import HttpAnswer, HttpClient, NoAnswerError
from boundary.retry_policy import RetryableError, RetryPolicy
from boundary.web import FORWARDED_FOR

logger = logging.getLogger(__name__)

SECONDS: Final = 40.0
"""How long the page may take to answer: it lets readers of a past day wait for 30."""
MOST_BYTES: Final = 1024 * 1024
"""The limit of an object; the longest explanations make some 100 KB a milestone."""
RETRIES: Final = RetryPolicy(total=8.0, longest_pause=4.0)


class PageRefusedError(SmartRegionError):
    """The page refuses a request; the message is its own, in French."""


class PageUnavailableError(RetryableError):
    """The page does not answer, or is not ready or busy; the message is French."""


class PageClient:
    """Reads the objects of the page at an address; safe for several threads."""

    def __init__(self, page: str, *, retries: RetryPolicy = RETRIES) -> None:
        """Create it for the address of the first page. Raises SmartRegionError."""
        try:
            usable_address(page)
        except UnusableAddressError as error:
            raise SmartRegionError(f"--page: {error}") from error
        self._root = f"{page.rstrip('/')}/"
        self._retries = retries

    def read(self, path: str, *, reader: str | None = None) -> dict[str, Any]:
        """Return an object of the page; its path is relative to the first page's address.

        The page bounds what each address asks: `reader` is the one for which this asks. Raises
        PageRefusedError and PageUnavailableError.
        """
        answer = self._retries.call(lambda: self._get(path, reader))
        found = answer.json()
        if answer.status == HTTPStatus.OK and isinstance(found, dict) and "completeness" in found:
            return found
        # Such as the form of a proxy that wants a password, or an object that is too large.
        other = (
            f"l’adresse de la page ne répond pas comme cette page (statut {answer.status}) :"
            " l’exploitant de ce serveur doit vérifier l’adresse et la version"
        )
        raise PageRefusedError(_said(answer) or other)

    def _get(self, path: str, reader: str | None) -> HttpAnswer:
        headers = {} if reader is None else {FORWARDED_FOR: reader}
        url = self._root + path
        try:
            with HttpClient(url, seconds=SECONDS, most_bytes=MOST_BYTES) as client:
                answer = client.exchange("GET", url, headers=headers)
        except NoAnswerError as error:
            logger.warning("page does not answer cause=%s", error.cause)
            message = "la page des promesses ne répond pas : réessayer plus tard"
            raise PageUnavailableError(message) from error
        if answer.status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
            message = "la page des promesses est trop occupée, ou arrêtée : réessayer plus tard"
            unavailable = PageUnavailableError(_said(answer) or message)
            unavailable.retry_after = answer.retry_after() or 0.0
            raise unavailable
        return answer


def _said(answer: HttpAnswer) -> str:
    """Return the title and the detail of the page's error; "" where the answer has none."""
    found = answer.json()
    if not isinstance(found, dict):
        return ""
    texts = [found.get(name) for name in ("title", "detail")]
    return " : ".join(one for one in texts if isinstance(one, str))
