"""Who sends a request: by a bearer token or by a signature, told from its headers and body."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

from events.errors import EventsError
from events.producers.secrets import Secrets
from events.producers.tokens import token_owner
from events.signing import (
    ID_HEADER,
    PRODUCER_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    SignatureError,
    verify,
)

__all__ = ["PRODUCER_HEADER", "AuthenticationError", "AuthenticationProblem", "Authenticator"]

_AUTHORIZATION: Final = "authorization"
_BEARER: Final = "bearer"
_SIGNED: Final = (PRODUCER_HEADER, ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER)
_BINARY_PREFIX: Final = b"ce-"


class AuthenticationProblem(StrEnum):
    """Why it is not known who sends; for the log and for the sender."""

    NO_CREDENTIALS = "no_credentials"
    AMBIGUOUS = "ambiguous"
    INCOMPLETE_SIGNATURE = "incomplete_signature"
    UNSIGNED_ATTRIBUTES = "unsigned_attributes"
    WRONG_CREDENTIALS = "wrong_credentials"
    WRONG_TIME = "wrong_time"


_REMEDIES: Final = {
    AuthenticationProblem.NO_CREDENTIALS: "send `authorization: Bearer srt_…`, or sign the request",
    AuthenticationProblem.AMBIGUOUS: "send each header once, and either a token or a signature",
    AuthenticationProblem.INCOMPLETE_SIGNATURE: f"send {', '.join(_SIGNED)} together",
    AuthenticationProblem.UNSIGNED_ATTRIBUTES: (
        "a signature covers the body alone: send signed events in structured mode or in batches,"
        " without ce- headers"
    ),
    AuthenticationProblem.WRONG_CREDENTIALS: (
        "send the producer's token as it was issued, or sign with its secret the id, the timestamp"
        " and the body, byte for byte as sent"
    ),
    AuthenticationProblem.WRONG_TIME: (
        "sign when you send: the timestamp, seconds since 1970, is within 5 minutes of our clock"
    ),
}


class AuthenticationError(EventsError):
    """It is not known who sends. Repeats nothing that was sent, and names no producer."""

    def __init__(self, problem: AuthenticationProblem) -> None:
        self.problem = problem
        self.remedy = _REMEDIES[problem]
        super().__init__(f"{problem.value.replace('_', ' ')}: {self.remedy}")


class Authenticator:
    """Tells the producer of a request; `now` is the clock, aware.

    The same request sent again within the tolerance of its timestamp is let in again: its events
    are then known already, and change nothing.
    """

    def __init__(self, secrets: Secrets, *, now: Callable[[], datetime]) -> None:
        self._secrets = secrets
        self._now = now

    def authenticate(self, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> str:
        """The id of the producer that sends; headers as ASGI gives them, names in lower case.

        Raises AuthenticationError.
        """
        sent = _said_once(headers)
        signed = [name for name in _SIGNED if name in sent]
        if _AUTHORIZATION in sent:
            if signed:
                raise AuthenticationError(AuthenticationProblem.AMBIGUOUS)
            return self._bearer(sent[_AUTHORIZATION])
        if not signed:
            raise AuthenticationError(AuthenticationProblem.NO_CREDENTIALS)
        if len(signed) < len(_SIGNED):
            raise AuthenticationError(AuthenticationProblem.INCOMPLETE_SIGNATURE)
        if any(name.startswith(_BINARY_PREFIX) for name, _ in headers):
            # Whoever overheard a signed body could put it under attributes of their own.
            raise AuthenticationError(AuthenticationProblem.UNSIGNED_ATTRIBUTES)
        return self._signer(sent, body)

    def _bearer(self, authorization: str) -> str:
        scheme, _, token = authorization.partition(" ")
        owner = token_owner(token) if scheme.lower() == _BEARER else None
        known = self._secrets.of(owner) if owner is not None else None
        if owner is None or known is None or not known.has_token(token):
            raise AuthenticationError(AuthenticationProblem.WRONG_CREDENTIALS)
        return owner

    def _signer(self, sent: Mapping[str, str], body: bytes) -> str:
        owner = sent[PRODUCER_HEADER]
        known = self._secrets.of(owner)
        try:
            verify(
                known.signing if known is not None else (),
                message_id=sent[ID_HEADER],
                timestamp=sent[TIMESTAMP_HEADER],
                signatures=sent[SIGNATURE_HEADER],
                body=body,
                now=self._now(),
            )
        except SignatureError as error:
            late = error.header == TIMESTAMP_HEADER
            problem = AuthenticationProblem.WRONG_TIME if late else None
            raise AuthenticationError(problem or AuthenticationProblem.WRONG_CREDENTIALS) from None
        return owner


def _said_once(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers that tell who sends; refused where one came twice, or with other than ASCII."""
    sent: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name = raw_name.decode("latin-1")
        if name != _AUTHORIZATION and name not in _SIGNED:
            continue
        if name in sent:
            raise AuthenticationError(AuthenticationProblem.AMBIGUOUS)
        if not raw_value.isascii():
            raise AuthenticationError(AuthenticationProblem.WRONG_CREDENTIALS)
        sent[name] = raw_value.decode("ascii").strip()
    return sent
