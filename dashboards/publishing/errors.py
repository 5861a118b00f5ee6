"""Errors of publishing to a Grafana; each names a remedy, and none contains the token."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from boundary.errors import SmartRegionError
from boundary.retry_policy import RetryableError
from boundary.terminal import one_line

TOKEN_VARIABLE: Final = "SMART_REGION_GRAFANA_TOKEN"  # noqa: S105 - the variable's name


class PublishingError(SmartRegionError):
    """Boards cannot be published."""

    def __init__(self, field: str, problem: str, *, remedy: str) -> None:
        super().__init__(f"{field}: {problem}: {remedy}")


class UnavailableError(PublishingError, RetryableError):
    """Grafana still answers 429 or 5xx after the last retry."""

    def __init__(
        self, request: str, *, status: int, message: str, tried_seconds: float, asked: float | None
    ) -> None:
        self.retry_after = asked or 0.0
        asked_text = "" if asked is None else f", and asks to wait {asked:g} s"
        super().__init__(
            request,
            f"still answers {status} after {tried_seconds:g} s{asked_text}{_quoted(message)}",
            remedy="run the command again later; Grafana's log may say why",
        )


class RightsLateError(PublishingError, RetryableError):
    """The account still has no rights on its folder after the last retry."""

    def __init__(self, request: str, *, message: str, waited_seconds: float) -> None:
        super().__init__(
            request,
            f"still answers 403 {waited_seconds:g} s after the folder was made or found"
            f"{_quoted(message)}",
            remedy="Grafana keeps an account's rights for a minute; run the command again, and"
            " where it stays so, give the service account the right to edit the folder",
        )


class AnswerError(PublishingError):
    """Grafana refused a request, by an answer of this `status`."""

    def __init__(self, request: str, *, status: int, message: str = "") -> None:
        self.request = request
        self.status = status
        self.message = message
        remedy = REMEDIES.get(status, INVALID)
        super().__init__(request, f"answered {status}{_quoted(message)}", remedy=remedy)


INVALID: Final = "correct what it says; a board that is provisioned from files is not published too"
REMEDIES: Final[Mapping[int, str]] = MappingProxyType(
    {
        401: "the token is wrong, expired or of another Grafana; make one for a service account,"
        f" and put it into {TOKEN_VARIABLE} or the file of --token-file",
        403: "the token's service account lacks a right; give it the role Editor, or the rights to"
        " read, create and write folders and dashboards (and to delete them, for --prune)",
        404: "it is not there, or no more; run plan again, and check the address",
        # A model that the classic API cannot return.
        406: "the board was saved by hand as a newer kind; save a copy in Grafana if it is to be"
        " kept, delete it there, and apply again",
        409: "something else has this uid or title in Grafana; rename or remove it there",
        412: "it was changed meanwhile, or another board of the folder has its title; run plan"
        " again",
    }
)


def _quoted(message: str) -> str:
    return f" ({one_line(message)})" if message else ""
