"""Signatures, held against the reference library of Standard Webhooks."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from events.signing import TOLERANCE, SignatureError, SignatureProblem, SigningSecret, sign, verify

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = bytes(range(32))
SECRET = SigningSecret(KEY)

keys = st.binary(min_size=24, max_size=64)
ids = st.from_regex(r"[A-Za-z0-9_:-]{1,128}", fullmatch=True)
bodies = st.text(max_size=200).map(str.encode)


def problem(**changed: str | bytes | datetime) -> SignatureProblem | None:
    body = b'{"a": 1}'
    request: dict[str, str | bytes | datetime] = {
        "message_id": "m-1",
        "timestamp": str(int(NOW.timestamp())),
        "signatures": sign(SECRET, "m-1", NOW, body),
        "body": body,
        "now": NOW,
        **changed,
    }
    try:
        verify([SECRET], **request)  # type: ignore[arg-type]
    except SignatureError as error:
        return error.problem
    return None


@given(key=keys, message_id=ids, body=bodies)
def test_what_is_signed_here_holds_there(key: bytes, message_id: str, body: bytes) -> None:
    now = datetime.now(UTC)
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": sign(SigningSecret(key), message_id, now, body),
    }
    Webhook(key).verify(body, headers, json_parse=False)


@given(key=keys, message_id=ids, body=bodies, at=st.datetimes(datetime(2020, 1, 1)))  # noqa: DTZ001
def test_what_is_signed_there_holds_here(
    key: bytes, message_id: str, body: bytes, at: datetime
) -> None:
    now = at.replace(tzinfo=UTC)
    verify(
        [SigningSecret(key)],
        message_id=message_id,
        timestamp=str(int(now.timestamp())),
        signatures=Webhook(key).sign(message_id, now, body.decode()),
        body=body,
        now=now,
    )


@given(key=keys)
def test_a_secret_is_written_as_the_reference_reads_it(key: bytes) -> None:
    text = SigningSecret(key).reveal()
    assert SigningSecret.from_text(text) == SigningSecret.from_text(text.rstrip("="))
    assert Webhook(text).sign("m", NOW, "x") == sign(SigningSecret.from_text(text), "m", NOW, b"x")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "whsec_é",
        "whsec_####",
        b64encode(KEY).decode(),
        "whsec_" + b64encode(b"23 bytes are too few...").decode(),
        "whsec_" + b64encode(bytes(65)).decode(),
        "whsec_" + b64encode(KEY).decode() + "\n",
    ],
)
def test_a_secret_of_another_form_is_refused_unseen(text: str) -> None:
    with pytest.raises(ValueError, match="a signing secret") as refused:
        SigningSecret.from_text(text)
    assert text.removeprefix("whsec_") in ("", *str(refused.value).split()) or (
        text not in str(refused.value)
    )


def test_a_secret_does_not_show_itself() -> None:
    for shown in (repr(SECRET), str(SECRET), repr([SECRET])):
        assert b64encode(KEY).decode() not in shown
        assert repr(KEY) not in shown


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(0), None),
        (TOLERANCE, None),
        (-TOLERANCE, None),
        (TOLERANCE + timedelta(seconds=1), SignatureProblem.TOO_OLD),
        (-TOLERANCE - timedelta(seconds=1), SignatureProblem.TOO_NEW),
        (timedelta(days=9000), SignatureProblem.TOO_OLD),
    ],
)
def test_a_timestamp_is_near_the_clock(age: timedelta, expected: SignatureProblem | None) -> None:
    assert problem(now=NOW + age) is expected


@pytest.mark.parametrize(
    "timestamp", ["", "now", "-1", "1.5", " 1772366400", "1772366400 ", "1e9", "٣", "9" * 13, "nan"]
)
def test_a_timestamp_is_plain_digits(timestamp: str) -> None:
    assert problem(timestamp=timestamp) is SignatureProblem.MALFORMED_TIMESTAMP


@pytest.mark.parametrize("message_id", ["", "a.b", "a b", "é", "a" * 129, "a\n"])
def test_an_id_is_plain(message_id: str) -> None:
    assert problem(message_id=message_id) is SignatureProblem.MALFORMED_ID
    with pytest.raises(SignatureError):
        sign(SECRET, message_id, NOW, b"")


@given(
    signatures=st.text(max_size=80)
    | st.lists(st.sampled_from(["v1", "v1,", ",", "v2,AAAA", "v1a,AA"])).map(" ".join)
)
def test_no_other_signature_holds(signatures: str) -> None:
    assert problem(signatures=signatures) is SignatureProblem.NO_MATCH


def test_one_good_signature_of_several_is_enough() -> None:
    good = sign(SECRET, "m-1", NOW, b"x")
    assert problem(body=b"x", signatures=f"v1,AAAA v1a,BBBB {good} junk") is None


@pytest.mark.parametrize(("others", "holds"), [(15, True), (16, False)])
def test_a_request_has_so_many_signatures(others: int, *, holds: bool) -> None:
    """Each takes its time: a header has room for thousands."""
    signatures = " ".join([*["v1,AAAA"] * others, sign(SECRET, "m-1", NOW, b"x")])

    found = problem(body=b"x", signatures=signatures)

    assert (found is None) is holds


def test_any_active_secret_is_enough() -> None:
    old, new = SigningSecret(bytes(24)), SECRET
    for secret in (old, new):
        verify(
            [new, old],
            message_id="m-1",
            timestamp=str(int(NOW.timestamp())),
            signatures=sign(secret, "m-1", NOW, b"x"),
            body=b"x",
            now=NOW,
        )


@pytest.mark.parametrize(
    "change",
    [{"body": b'{"a": 2}'}, {"message_id": "m-2"}, {"timestamp": str(int(NOW.timestamp()) + 1)}],
)
def test_all_three_parts_are_signed(change: dict[str, str | bytes]) -> None:
    assert problem(**change) is SignatureProblem.NO_MATCH
