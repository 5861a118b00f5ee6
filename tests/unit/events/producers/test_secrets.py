"""Secrets: their file, who may read it, new ones, and that none of them is ever shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boundary.errors import SmartRegionError
from events.declaration import InvalidDeclarationError
from events.producers.secrets import Scheme, issue, load_secrets, token_digest, token_owner
from tests.support.private_files import private_file

SIGNING = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
TOKEN = "srt_lycees_" + "A" * 43
GOOD = f"""\
lycees:
  signing:
    - {SIGNING}
  bearer_sha256:
    - {token_digest(TOKEN)}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return private_file(tmp_path / "secrets.yaml", GOOD)


def test_secrets_are_known_by_producer(file: Path) -> None:
    secrets = load_secrets(file)
    lycees = secrets.of("lycees")
    assert lycees is not None
    assert (len(lycees.signing), lycees.has_token(TOKEN)) == (1, True)
    assert not lycees.has_token(TOKEN[:-1] + "B")
    assert secrets.of("formation") is None


def test_no_file_lets_nobody_in() -> None:
    assert load_secrets(None).root == {}


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o644, 0o666, 0o601])
def test_a_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    file = private_file(tmp_path / "secrets.yaml", GOOD, mode)
    with pytest.raises(SmartRegionError, match=f"value {mode:04o}: chmod 600 {file}$"):
        load_secrets(file)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640])
def test_a_file_of_owner_and_group_is_read(tmp_path: Path, mode: int) -> None:
    assert load_secrets(private_file(tmp_path / "secrets.yaml", GOOD, mode)).of("lycees")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            f"lycees: {{signing: [{TOKEN}]}}",
            (
                "secrets.yaml:1: lycees.signing[0]: is not a signing secret:"
                " make one with `smart-region producers issue`"
            ),
        ),
        (
            f"lycees:\n  bearer_sha256:\n    - {TOKEN}",
            (
                "secrets.yaml:3: lycees.bearer_sha256[0]: is not a SHA-256 in 64 hexadecimal"
                " digits: make one with `smart-region producers issue`:"
                " the token itself does not belong here"
            ),
        ),
        (
            f"lycees: {{bearer: [{TOKEN}]}}",
            (
                "secrets.yaml:1: lycees.bearer: is not a known key here:"
                " write one of signing, bearer_sha256"
            ),
        ),
        (
            f"lycees:\n  signing: [{SIGNING}]\nformation:\n  signing: [{SIGNING}]",
            (
                "secrets.yaml:4: formation.signing[0]: is there twice:"
                " issue another: a secret identifies the producer"
            ),
        ),
    ],
)
def test_a_mistake_is_reported_without_the_secret(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(InvalidDeclarationError) as refused:
        load_secrets(private_file(tmp_path / "secrets.yaml", text))
    assert str(refused.value).replace(f"{tmp_path}/", "") == expected


def test_nothing_of_it_is_ever_shown(file: Path) -> None:
    secrets = load_secrets(file)
    shown = f"{secrets!r} {secrets} {secrets.of('lycees')!r} {vars(secrets)}"
    assert SIGNING[6:] not in shown
    assert token_digest(TOKEN) not in shown


producer_ids = st.from_regex(r"[a-z][a-z0-9-]{0,39}", fullmatch=True)


@given(producer=producer_ids)
def test_a_token_names_its_producer(producer: str) -> None:
    assert token_owner(issue(producer, Scheme.BEARER).secret.get_secret_value()) == producer


@given(text=st.text() | st.from_regex(r"srt_[a-z_-]*"))
def test_other_texts_name_nobody(text: str) -> None:
    assert token_owner(text) is None or text.startswith("srt_")
