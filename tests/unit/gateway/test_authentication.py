"""Who sends a request, and everything that does not prove it."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.producers.model import Producers
from events.producers.secrets import Secrets, token_digest
from events.signing import SigningSecret, sign
from gateway.authentication import Authenticator
from gateway.problems import ProblemError
from tests.support.producers import producer

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOKEN = "srt_lycees_" + "A" * 43
OTHER_TOKEN = "srt_formation_" + "B" * 43
SECRET = SigningSecret(bytes(range(32)))
OLD_SECRET = SigningSecret(bytes(range(1, 33)))
OTHER_SECRET = SigningSecret(bytes(range(2, 34)))
BODY = b'{"specversion": "1.0"}'

SECRETS = Secrets.model_validate(
    {
        "lycees": {
            "signing": [SECRET.reveal(), OLD_SECRET.reveal()],
            "bearer_sha256": [token_digest(TOKEN)],
        },
        "formation": {
            "signing": [OTHER_SECRET.reveal()],
            "bearer_sha256": [token_digest(OTHER_TOKEN)],
        },
        "sans-secret": {},
    }
)
PRODUCERS = Producers(
    producers=tuple(producer(name, f"/{name}") for name in (*SECRETS.root, "sans-rien"))
)
AUTHENTICATOR = Authenticator(SECRETS, PRODUCERS, now=lambda: NOW)

Headers = list[tuple[bytes, bytes]]


def signed(
    secret: SigningSecret = SECRET, name: str = "lycees", at: datetime = NOW, body: bytes = BODY
) -> Headers:
    return [
        (b"smartregion-producer", name.encode()),
        (b"webhook-id", b"m-1"),
        (b"webhook-timestamp", str(int(at.timestamp())).encode()),
        (b"webhook-signature", sign(secret, "m-1", at, body).encode()),
    ]


def bearer(token: str) -> Headers:
    return [(b"authorization", f"Bearer {token}".encode())]


def sender(headers: Headers, body: bytes = BODY) -> str:
    found = AUTHENTICATOR.identify(dict(headers))
    return found if isinstance(found, str) else found(body).producer


def counted(monkeypatch: pytest.MonkeyPatch, name: str, called: Callable[..., object]) -> list[int]:
    calls: list[int] = []

    def counting(*given: object) -> object:
        calls.append(1)
        return called(*given)

    monkeypatch.setattr(name, counting)
    return calls


def problem(headers: Headers) -> str:
    with pytest.raises(ProblemError, match="unauthenticated") as refused:
        sender(headers)
    for _, value in headers:
        assert value.decode("latin-1") not in str(refused.value)
    assert refused.value.headers["WWW-Authenticate"].startswith("Bearer")
    return refused.value.problem["detail"].partition(":")[0]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (bearer(TOKEN), "lycees"),
        (bearer(OTHER_TOKEN), "formation"),
        ([(b"authorization", f"bEARER {TOKEN}".encode())], "lycees"),
        (signed(), "lycees"),
        (signed(OLD_SECRET), "lycees"),
        (signed(OTHER_SECRET, "formation"), "formation"),
        ([*bearer(TOKEN), (b"ce-id", b"1")], "lycees"),
        (signed(at=NOW - timedelta(minutes=5)), "lycees"),
    ],
)
def test_valid_credentials_identify_the_producer(headers: Headers, expected: str) -> None:
    assert sender(headers) == expected


WRONG = "wrong credentials"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], "no credentials"),
        (bearer(""), WRONG),
        (bearer("srt_lycees_" + "C" * 43), WRONG),
        (bearer(TOKEN + "A"), WRONG),
        (bearer(TOKEN[:-1]), WRONG),
        (bearer(" " + TOKEN), WRONG),
        (bearer(token_digest(TOKEN)), WRONG),
        (bearer("srt_nobody_" + "A" * 43), WRONG),
        (bearer("srt_sans-secret_" + "A" * 43), WRONG),
        (bearer(TOKEN.replace("lycees", "formation")), WRONG),
        ([(b"authorization", f"Basic {TOKEN}".encode())], WRONG),
        ([(b"authorization", TOKEN.encode())], WRONG),
        ([(b"authorization", b"Bearer \xff")], WRONG),
        (bearer(TOKEN) + signed(), "ambiguous"),
        ([*bearer(TOKEN), (b"smartregion-producer", b"x")], "ambiguous"),
        *((signed()[:n] + signed()[n + 1 :], "incomplete signature") for n in range(4)),
        (signed(OTHER_SECRET), WRONG),
        (signed(name="formation"), WRONG),
        (signed(name="nobody"), WRONG),
        (signed(name="sans-secret"), WRONG),
        (signed(name="sans-rien"), WRONG),
        (signed(body=b"{}"), WRONG),
        (signed(at=NOW - timedelta(seconds=301)), "wrong time"),
        (signed(at=NOW + timedelta(seconds=301)), "wrong time"),
        ([*signed(), (b"ce-source", b"/x")], "unsigned attributes"),
    ],
)
def test_other_credentials_are_refused(headers: Headers, expected: str) -> None:
    assert problem(headers) == expected


@pytest.mark.parametrize(
    "headers",
    [
        signed(at=NOW - timedelta(seconds=301)),
        signed(name="nobody"),
        [(name, b"m.1" if name == b"webhook-id" else value) for name, value in signed()],
        [(name, b"now" if name == b"webhook-timestamp" else value) for name, value in signed()],
        bearer("srt_lycees_" + "C" * 43),
    ],
)
def test_what_headers_disprove_needs_no_body(headers: Headers) -> None:
    with pytest.raises(ProblemError, match="unauthenticated"):
        AUTHENTICATOR.identify(dict(headers))


@pytest.mark.parametrize("name", ["lycees", "formation", "sans-secret", "sans-rien"])
def test_every_declared_producer_is_compared_with_as_many_secrets(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = counted(monkeypatch, "hmac.digest", hmac.digest)
    compared = counted(monkeypatch, "hmac.compare_digest", hmac.compare_digest)
    assert problem(signed(SigningSecret(bytes(32)), name)) == WRONG
    assert (len(made), len(compared)) == (2 + 1, 2)  # One is the test's own signature.
    compared.clear()
    assert problem(bearer(f"srt_{name}_" + "C" * 43)) == WRONG
    assert len(compared) == 1


def test_a_request_has_a_fingerprint_whichever_secret_signed_it() -> None:
    def fingerprint(headers: Headers, body: bytes = BODY) -> bytes:
        claim = AUTHENTICATOR.identify(dict(headers))
        assert not isinstance(claim, str)
        proof = claim(body)
        assert proof.valid_until == (NOW + timedelta(minutes=5)).timestamp()
        return proof.fingerprint

    assert fingerprint(signed()) == fingerprint(signed(OLD_SECRET))
    assert fingerprint(signed()) != fingerprint(signed(body=b"{}"), b"{}")


@given(
    headers=st.lists(
        st.tuples(
            st.sampled_from(
                [
                    b"authorization",
                    b"smartregion-producer",
                    b"webhook-id",
                    b"webhook-timestamp",
                    b"webhook-signature",
                    b"ce-id",
                    b"x",
                ]
            ),
            st.binary(max_size=40) | st.sampled_from([value for _, value in signed()]),
        ),
        max_size=8,
    ),
    body=st.binary(max_size=20),
)
def test_any_headers_get_an_answer(headers: Headers, body: bytes) -> None:
    with pytest.raises(ProblemError, match="unauthenticated"):
        sender(headers, body)
