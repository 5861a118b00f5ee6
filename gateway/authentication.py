"""Authenticates the producer of a request by a bearer token or by a signature."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from secrets import token_bytes, token_hex
from typing import Final, NamedTuple, TypeAlias

from pydantic import SecretStr

from events.producers.model import Producers
from events.producers.secrets import ProducerSecrets, Secrets, token_owner
from events.signing import (
    ID_HEADER,
    PRODUCER_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    TOLERANCE,
    SignatureError,
    SigningSecret,
    check_signable,
    verify,
)
from gateway.problems import ProblemError

CHALLENGE: Final = 'Bearer realm="smart-region"'
_AUTHORIZATION: Final = "authorization"
_BEARER: Final = "bearer"
_SIGNED: Final = (PRODUCER_HEADER, ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER)
_BINARY_PREFIX: Final = b"ce-"

_NO_CREDENTIALS: Final = "no credentials: send `authorization: Bearer srt_…`, or sign the request"
_AMBIGUOUS: Final = "ambiguous: send each header once, and either a token or a signature"
_INCOMPLETE: Final = f"incomplete signature: send {', '.join(_SIGNED)} together"
_UNSIGNED_ATTRIBUTES: Final = (
    "unsigned attributes: a signature covers the body alone: send signed events in structured mode"
    " or in batches, without ce- headers"
)
_WRONG_CREDENTIALS: Final = (
    "wrong credentials: send the producer's token as it was issued, or sign with its secret the id,"
    " the timestamp and the body, byte for byte as sent"
)
_WRONG_TIME: Final = (
    "wrong time: sign when you send: the timestamp, seconds since 1970, is within 5 minutes of our"
    " clock"
)


class Proof(NamedTuple):
    """The producer of a signed request, and what identifies the request."""

    producer: str
    fingerprint: bytes
    """Identifies the id, the timestamp and the body."""
    valid_until: float
    """When its signature expires, in seconds since 1970."""


Prove: TypeAlias = Callable[[bytes], Proof]
"""Returns the proof of who sent a body. Raises ProblemError (unauthenticated)."""


class Authenticator:
    """Identifies the producer of a request; `now` is the clock, in aware times.

    A producer with fewer secrets than another is padded with random ones, and an unknown producer
    has only random ones: response times do not reveal who has a secret, nor of which kind.
    """

    def __init__(
        self, secrets: Secrets, producers: Producers, *, now: Callable[[], datetime]
    ) -> None:
        self._now = now
        self._producers = producers
        self.use(secrets)

    def use(self, secrets: Secrets) -> None:
        """Accept these secrets from now on, and no others."""
        held = secrets.root
        signing = max((len(one.signing) for one in held.values()), default=0)
        bearer = max((len(one.bearer_sha256) for one in held.values()), default=0)
        self._nobody = _decoy(max(signing, 1), max(bearer, 1))
        self._known = {
            producer.id: _padded(held.get(producer.id), self._nobody)
            for producer in self._producers
        }

    def identify(self, headers: Mapping[bytes, bytes]) -> str | Prove:
        """Return the producer whose token a request has, or a function to verify its signature.

        `headers` is as `combined_headers` returns it. For a wrong token, an expired or malformed
        signature, or an undeclared producer, no body is read. Raises ProblemError
        (unauthenticated).
        """
        sent = _credentials(headers)
        signed = [name for name in _SIGNED if name in sent]
        if _AUTHORIZATION in sent:
            if signed:
                raise _unauthenticated(_AMBIGUOUS)
            return self._bearer(sent[_AUTHORIZATION])
        if not signed:
            raise _unauthenticated(_NO_CREDENTIALS)
        if len(signed) < len(_SIGNED):
            raise _unauthenticated(_INCOMPLETE)
        if any(name.startswith(_BINARY_PREFIX) for name in headers):
            # An attacker who intercepted a signed body could send it under other attributes.
            raise _unauthenticated(_UNSIGNED_ATTRIBUTES)
        return self._signature(sent)

    def _bearer(self, authorization: str) -> str:
        scheme, _, token = authorization.partition(" ")
        owner = token_owner(token) if scheme.lower() == _BEARER else None
        known = self._known.get(owner or "", self._nobody)
        if not known.has_token(token) or owner is None:
            raise _unauthenticated(_WRONG_CREDENTIALS)
        return owner

    def _signature(self, sent: Mapping[str, str]) -> Prove:
        """Check everything about a signature that does not need the body."""
        try:
            check_signable(
                message_id=sent[ID_HEADER], timestamp=sent[TIMESTAMP_HEADER], now=self._now()
            )
        except SignatureError as error:
            raise _refused_signature(error) from None
        known = self._known.get(sent[PRODUCER_HEADER])
        if known is None:
            raise _unauthenticated(_WRONG_CREDENTIALS)
        return partial(self._prove, known, sent)

    def _prove(self, known: ProducerSecrets, sent: Mapping[str, str], body: bytes) -> Proof:
        # The time is checked again: the body may have taken half a minute, and a request whose
        # signature has expired meanwhile is no longer remembered.
        try:
            fingerprint = verify(
                known.signing,
                message_id=sent[ID_HEADER],
                timestamp=sent[TIMESTAMP_HEADER],
                signatures=sent[SIGNATURE_HEADER],
                body=body,
                now=self._now(),
            )
        except SignatureError as error:
            raise _refused_signature(error) from None
        valid_until = int(sent[TIMESTAMP_HEADER]) + TOLERANCE.total_seconds()
        return Proof(sent[PRODUCER_HEADER], fingerprint, valid_until)


def _refused_signature(error: SignatureError) -> ProblemError:
    is_late = error.header == TIMESTAMP_HEADER
    return _unauthenticated(_WRONG_TIME if is_late else _WRONG_CREDENTIALS)


def _unauthenticated(detail: str) -> ProblemError:
    """Return the refusal of a request: it repeats nothing that was sent, and names no producer."""
    return ProblemError("unauthenticated", detail, headers={"WWW-Authenticate": CHALLENGE})


def _decoy(signing: int, bearer: int) -> ProducerSecrets:
    """Return random secrets that no producer knows."""
    return ProducerSecrets.model_construct(
        signing=tuple(SigningSecret(token_bytes(32)) for _ in range(signing)),
        bearer_sha256=tuple(SecretStr(token_hex(32)) for _ in range(bearer)),
    )


def _padded(own: ProducerSecrets | None, decoy: ProducerSecrets) -> ProducerSecrets:
    """Return a producer's secrets, padded with decoys to the number that the decoy has."""
    own = own or ProducerSecrets()
    return ProducerSecrets.model_construct(
        signing=(*own.signing, *decoy.signing)[: len(decoy.signing)],
        bearer_sha256=(*own.bearer_sha256, *decoy.bearer_sha256)[: len(decoy.bearer_sha256)],
    )


def _credentials(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    """Return the headers that identify the sender; refuse those that are not ASCII."""
    sent: dict[str, str] = {}
    for name in (_AUTHORIZATION, *_SIGNED):
        value = headers.get(name.encode())
        if value is None:
            continue
        if not value.isascii():
            raise _unauthenticated(_WRONG_CREDENTIALS)
        sent[name] = value.decode("ascii").strip()
    return sent
