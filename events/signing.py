"""Signatures of requests according to Standard Webhooks: HMAC-SHA256 of id, timestamp and body.

Follows https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md.
"""

from __future__ import annotations

import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum
from hashlib import sha256
from typing import Final, Self

from boundary.errors import SmartRegionError

ID_HEADER: Final = "webhook-id"
TIMESTAMP_HEADER: Final = "webhook-timestamp"
SIGNATURE_HEADER: Final = "webhook-signature"
PRODUCER_HEADER: Final = "smartregion-producer"
"""The producer whose secret signs; the standard leaves its identification to each gateway."""

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the prefix of every secret
VERSION: Final = "v1"
TOLERANCE: Final = timedelta(minutes=5)
"""How far a request's timestamp may be from the clock, in either direction."""

SECRET_BYTES: Final = (24, 64)
MOST_SIGNATURES: Final = 16
"""The maximum per request: one for each active secret. Each costs a comparison."""

# No full stop, which is the separator: the same bytes could be another id and timestamp.
_ID: Final = re.compile(r"[A-Za-z0-9_:-]{1,128}")
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")


class SignatureProblem(Enum):
    """Why a signature is invalid: the header, its problem, and the remedy."""

    MALFORMED_ID = (
        ID_HEADER,
        "is not 1 to 128 letters, digits and _ : -",
        "send a new one with each request, such as a UUID",
    )
    MALFORMED_TIMESTAMP = (
        TIMESTAMP_HEADER,
        "is not a number of seconds",
        "send the seconds since 1970 as digits",
    )
    TOO_OLD = (
        TIMESTAMP_HEADER,
        "is more than 5 minutes ago",
        "sign when you send, and set the clock of your system",
    )
    TOO_NEW = TIMESTAMP_HEADER, "is more than 5 minutes ahead", "set the clock of your system"
    NO_MATCH = (
        SIGNATURE_HEADER,
        "is of no secret of this producer",
        (
            f"sign '{{{ID_HEADER}}}.{{{TIMESTAMP_HEADER}}}.{{body}}', byte for byte as sent,"
            " with the secret's decoded bytes"
        ),
    )


class SignatureError(SmartRegionError):
    """A signature is invalid; the message repeats nothing that was sent."""

    def __init__(self, problem: SignatureProblem) -> None:
        self.problem = problem
        self.header, text, self.remedy = problem.value
        super().__init__(f"{self.header}: {text}: {self.remedy}")


class SigningSecret:
    """A secret shared by producer and gateway: 24 to 64 bytes, written as `whsec_` and base64.

    Its repr does not contain the key, so neither does a log or a traceback.
    """

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        shortest, longest = SECRET_BYTES
        if not shortest <= len(key) <= longest:
            message = f"a signing secret has {shortest} to {longest} bytes"
            raise ValueError(message)
        self._key = key

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read a secret from its text form. Raises ValueError, which does not repeat it."""
        encoded = text.removeprefix(SECRET_PREFIX)
        if encoded == text:
            message = f"a signing secret begins with {SECRET_PREFIX}"
            raise ValueError(message)
        try:
            # Padding may be missing, as in the reference implementations.
            key = b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
        except ValueError:
            message = f"a signing secret is {SECRET_PREFIX} and base64"
            raise ValueError(message) from None
        return cls(key)

    def reveal(self) -> str:
        """Return the secret in its text form, for the command that issues it."""
        return SECRET_PREFIX + b64encode(self._key).decode()

    def digest(self, content: bytes) -> bytes:
        """Return the HMAC-SHA256 of the signed content."""
        return hmac.digest(self._key, content, sha256)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SigningSecret) and hmac.compare_digest(self._key, other._key)

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return f"{type(self).__name__}('**********')"


def sign(secret: SigningSecret, message_id: str, at: datetime, body: bytes) -> str:
    """Return the value of `webhook-signature` for a body, an id and an aware time.

    Raises SignatureError if the id has another form.
    """
    if not _ID.fullmatch(message_id):
        raise SignatureError(SignatureProblem.MALFORMED_ID)
    return _signature(secret.digest(_signed(message_id, str(int(at.timestamp())), body)))


def check_signable(*, message_id: str, timestamp: str, now: datetime) -> None:
    """Check the id and timestamp of a request before reading its body.

    Raises SignatureError.
    """
    _check_timestamp(timestamp, now=now)
    if not _ID.fullmatch(message_id):
        raise SignatureError(SignatureProblem.MALFORMED_ID)


def verify(
    secrets: Sequence[SigningSecret],
    *,
    message_id: str,
    timestamp: str,
    signatures: str,
    body: bytes,
    now: datetime,
) -> bytes:
    """Check the three headers of a signed body against the clock and every active secret.

    Returns the digest by the first secret, which identifies this id, timestamp and body. Raises
    SignatureError. The duration does not depend on which secret or signature matches.
    """
    check_signable(message_id=message_id, timestamp=timestamp, now=now)
    sent = [signature.encode(errors="replace") for signature in signatures.split(" ")]
    if len(sent) > MOST_SIGNATURES:
        raise SignatureError(SignatureProblem.NO_MATCH)
    content = _signed(message_id, timestamp, body)
    digests = [secret.digest(content) for secret in secrets]
    matches = False
    for digest in digests:
        expected = _signature(digest).encode()
        for signature in sent:
            matches |= hmac.compare_digest(expected, signature)
    if not matches:
        raise SignatureError(SignatureProblem.NO_MATCH)
    return digests[0]


def _check_timestamp(timestamp: str, *, now: datetime) -> None:
    if not _TIMESTAMP.fullmatch(timestamp):
        raise SignatureError(SignatureProblem.MALFORMED_TIMESTAMP)
    seconds = int(timestamp) - now.timestamp()
    if seconds < -TOLERANCE.total_seconds():
        raise SignatureError(SignatureProblem.TOO_OLD)
    if seconds > TOLERANCE.total_seconds():
        raise SignatureError(SignatureProblem.TOO_NEW)


def _signed(message_id: str, timestamp: str, body: bytes) -> bytes:
    return f"{message_id}.{timestamp}.".encode() + body


def _signature(digest: bytes) -> str:
    return f"{VERSION},{b64encode(digest).decode()}"
