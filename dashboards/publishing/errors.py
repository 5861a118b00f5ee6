"""Errors of publishing to a Grafana; each names a remedy, and none contains the token."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final

from boundary.errors import SmartRegionError
from boundary.retry_policy import RetryableError
from boundary.terminal import one_line

TOKEN_VARIABLE: Final = "SMART_REGION_GRAFANA_TOKEN"  # noqa: S105 - the variable's name


WRITE_IT: Final = (
    "write it as https://grafana.example.org, or with the path under which Grafana is; a secret is"
    " read from a file"
)


class PublishingError(SmartRegionError):
    """Boards cannot be published."""


class AddressError(PublishingError):
    """Grafana's address cannot be used; a password in it is not repeated."""

    def __init__(self, value: str, *, problem: str, remedy: str = WRITE_IT) -> None:
        super().__init__(f"grafana: {problem}, value {one_line(value)!r}: {remedy}")


class TokenError(PublishingError):
    """The token is missing or malformed."""

    def __init__(self, source: str, *, problem: str) -> None:
        super().__init__(
            f"{source}: {problem}: put a service account's token into {TOKEN_VARIABLE},"
            " or into a file named by --token-file"
        )


class UnreachableError(PublishingError):
    """No server answers at the address."""

    def __init__(self, address: str, *, cause: str) -> None:
        super().__init__(
            f"grafana: cannot be reached, value {address!r} ({one_line(cause)}):"
            " check the address, and that Grafana is up"
        )


class TlsError(PublishingError):
    """TLS failed; verification cannot be switched off."""

    def __init__(self, address: str, *, cause: str) -> None:
        super().__init__(
            f"grafana: no trusted TLS connection, value {address!r} ({one_line(cause)}):"
            " check http or https and the host's name; a private authority's certificates go into"
            " a PEM file named by REQUESTS_CA_BUNDLE"
        )


class NotGrafanaError(PublishingError):
    """Another server than Grafana answers."""

    def __init__(self, request: str, *, found: str) -> None:
        super().__init__(
            f"{request}: does not answer as Grafana does, value {one_line(found)!r}: check the"
            " address, its port and its path (without /api, without a page's own path)"
        )


class UnavailableError(PublishingError, RetryableError):
    """Grafana still answers 429 or 5xx after the last retry."""

    def __init__(
        self, request: str, *, status: int, message: str, tried_seconds: float, asked: float | None
    ) -> None:
        self.retry_after = asked or 0.0
        asked_text = "" if asked is None else f", and asks to wait {asked:g} s"
        super().__init__(
            f"{request}: still answers {status} after {tried_seconds:g} s{asked_text}"
            f"{_quoted(message)}: run the command again later; Grafana's log may say why"
        )


class RightsLateError(PublishingError, RetryableError):
    """The account still has no rights on its folder after the last retry."""

    def __init__(self, request: str, *, message: str, waited_seconds: float) -> None:
        super().__init__(
            f"{request}: still answers 403 {waited_seconds:g} s after the folder was made or found"
            f"{_quoted(message)}: Grafana keeps an account's rights for a minute; run the command"
            " again, and where it stays so, give the service account the right to edit the folder"
        )


class AnswerError(PublishingError):
    """Grafana refused a request."""

    remedy: ClassVar[str]

    def __init__(self, request: str, *, status: int, message: str = "") -> None:
        self.request = request
        self.message = message
        super().__init__(f"{request}: answered {status}{_quoted(message)}: {self.remedy}")


class GrafanaRefusedError(AnswerError):
    """The request, or the board in it, is invalid for Grafana."""

    remedy = "correct what it says; a board that is provisioned from files is not published too"


class UnauthorizedError(AnswerError):
    """The token is unknown."""

    remedy = (
        "the token is wrong, expired or of another Grafana; make one for a service account, and"
        f" put it into {TOKEN_VARIABLE} or the file of --token-file"
    )


class ForbiddenError(AnswerError):
    """The token is known, and lacks a right."""

    remedy = (
        "the token's service account lacks a right; give it the role Editor, or the rights to read,"
        " create and write folders and dashboards (and to delete them, for --prune)"
    )


class MissingError(AnswerError):
    """The folder or the board does not exist."""

    remedy = "it is not there, or no more; run plan again, and check the address"


class NewerModelError(AnswerError):
    """A board was saved in a model that the classic API cannot return."""

    remedy = (
        "the board was saved by hand as a newer kind; save a copy in Grafana if it is to be kept,"
        " delete it there, and apply again"
    )


class ConflictError(AnswerError):
    """Another object has the uid or the title."""

    remedy = "something else has this uid or title in Grafana; rename or remove it there"


class PreconditionError(AnswerError):
    """The board was changed after it was read."""

    remedy = (
        "it was changed meanwhile, or another board of the folder has its title; run plan again"
    )


class HandChangedError(PublishingError):
    """Boards that were changed by hand would be overwritten."""

    def __init__(self, titles: Collection[str]) -> None:
        names = ", ".join(one_line(title) for title in titles)
        super().__init__(
            f"boards: changed by hand, value {names}: nothing was written; carry what is worth"
            " keeping into the code, then overwrite with --force"
        )


class DataSourceMissingError(PublishingError):
    """Grafana has no data source of a type that the boards query."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"data source: Grafana has none of this kind, value {kind!r}: add one under"
            " Connections, then apply again; without it every panel is empty"
        )


class BoardsMissingError(PublishingError):
    """Boards of the catalogue are missing on a Grafana."""

    def __init__(self, address: str, *, titles: Sequence[str]) -> None:
        super().__init__(
            f"boards: {len(titles)} are not on Grafana, value {address!r}, {titles[0]!r} the first:"
            " publish them with `smart-region boards apply`"
        )


ANSWERS: Final[Mapping[int, type[AnswerError]]] = MappingProxyType(
    {
        401: UnauthorizedError,
        403: ForbiddenError,
        404: MissingError,
        406: NewerModelError,
        409: ConflictError,
        412: PreconditionError,
    }
)


def answer_error(request: str, *, status: int, message: str) -> AnswerError:
    """Return the error of a 4xx status."""
    return ANSWERS.get(status, GrafanaRefusedError)(request, status=status, message=message)


def _quoted(message: str) -> str:
    return f" ({one_line(message)})" if message else ""
