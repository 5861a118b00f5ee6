"""How a producer shows who it is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from boundary.errors import SmartRegionError
from events.producers.model import Producers
from events.producers.secrets import Scheme, Secrets, issue, token_digest
from gateway.authentication import Authenticator
from sources.client.credentials import load_credentials
from tests.support.private_files import private_file
from tests.support.producers import producer

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOKEN = issue("lycees", Scheme.BEARER).secret.get_secret_value()
SECRET = issue("lycees", Scheme.SIGNATURE).secret.get_secret_value()
SECRETS = Secrets.model_validate(
    {"lycees": {"signing": [SECRET], "bearer_sha256": [token_digest(TOKEN)]}}
)


@pytest.mark.parametrize("secret", [TOKEN, SECRET], ids=["token", "signing secret"])
def test_the_gateway_knows_who_it_is(tmp_path: Path, secret: str) -> None:
    credentials = load_credentials(
        private_file(tmp_path / "secret", f"{secret}\n"), producer="lycees"
    )
    headers = credentials.headers(b"[]", NOW)
    raw = {name.encode(): value.encode() for name, value in headers.items()}
    producers = Producers(producers=(producer("lycees", "/lycees"),))
    found = Authenticator(SECRETS, producers, now=lambda: NOW).identify(raw)
    assert (found if isinstance(found, str) else found(b"[]").producer) == "lycees"


def test_only_a_token_is_a_secret_in_the_request(tmp_path: Path) -> None:
    token = load_credentials(private_file(tmp_path / "secret", TOKEN))
    signing = load_credentials(private_file(tmp_path / "secret", SECRET), producer="lycees")
    assert (token.secret_in_request, signing.secret_in_request) == (True, False)
    assert SECRET[6:] not in f"{signing.headers(b'', NOW)}{signing!r}"
    assert TOKEN not in repr(token)


WRONG = {
    "nothing": ("", None, "is neither a token"),
    "a password": ("hunter2", None, "is neither a token"),
    "a token cut short": (TOKEN[:-1], None, "is neither a token"),
    "two tokens": (f"{TOKEN}\n{TOKEN}", None, "is neither a token"),
    "a token of another": (TOKEN, "formation", "another producer's"),
    "a signing secret alone": (SECRET, None, "name the producer"),
    "a signing secret cut short": (SECRET[:20], "lycees", "not a complete"),
    "an accent": ("é", None, "not ASCII"),
}


@pytest.mark.parametrize(("text", "producer", "problem"), WRONG.values(), ids=WRONG)
def test_a_wrong_secret_is_refused_and_not_shown(
    tmp_path: Path, text: str, producer: str | None, problem: str
) -> None:
    with pytest.raises(SmartRegionError, match=problem) as refused:
        load_credentials(private_file(tmp_path / "secret", text), producer=producer)
    assert not text or text not in str(refused.value)


def test_a_file_that_others_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SmartRegionError):
        load_credentials(private_file(tmp_path / "secret", TOKEN, 0o644))
    with pytest.raises(SmartRegionError, match="cannot be read"):
        load_credentials(tmp_path / "none")
