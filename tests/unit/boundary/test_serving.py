"""How our servers are reached."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boundary.errors import SmartRegionError
from boundary.serving import OPEN, MetricsGuard, ServingFileError, ServingSettings
from tests.support.certificates import Authority
from tests.support.private_files import private_file

TOKEN = "a-token-of-prometheus"  # noqa: S105 - of this test


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return private_file(tmp_path / "token", f"{TOKEN}\n")


def test_without_a_token_everybody_is_admitted() -> None:
    assert OPEN.admits(None)
    assert ServingSettings().metrics_guard() == OPEN


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_whoever_shows_the_token_is_admitted(file: Path, scheme: str) -> None:
    assert MetricsGuard(file).admits(f"{scheme} {TOKEN}")


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        TOKEN,
        f"Basic {TOKEN}",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN}x",
        "Bearer é",
        "Bearer \udcff",
    ],
)
def test_whoever_does_not_is_not(file: Path, header: str | None) -> None:
    assert not MetricsGuard(file).admits(header)


@given(st.text())
def test_no_header_opens_what_has_no_token(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    folder = tmp_path_factory.mktemp("empty")
    file = folder / "token"
    assert not MetricsGuard(file).admits(text)
    file.touch(mode=0o600)
    assert not MetricsGuard(file).admits(f"Bearer {text}")


def test_a_new_token_needs_no_restart(file: Path) -> None:
    guard = MetricsGuard(file)
    file.write_text("another")
    assert guard.admits("Bearer another")
    assert not guard.admits(f"Bearer {TOKEN}")


def test_a_token_that_all_may_read_is_none(file: Path) -> None:
    file.chmod(0o644)
    with pytest.raises(SmartRegionError):
        ServingSettings(metrics_token_file=file).metrics_guard()
    assert not MetricsGuard(file).admits(f"Bearer {TOKEN}")


@pytest.mark.parametrize("content", [b"", b"\n", b"two words", b"two\nlines", b"\xff"])
def test_a_file_that_holds_no_token_is_reported(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(ServingFileError, match="SMART_REGION_METRICS_TOKEN_FILE"):
        ServingSettings(metrics_token_file=file).metrics_guard()


def test_a_certificate_goes_with_its_key(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ours, other = authority.issue("worker"), authority.issue("gateway")
    with pytest.raises(ValueError, match="set both"):
        ServingSettings(server_certfile=ours.chain)
    with pytest.raises(ServingFileError, match="SMART_REGION_SERVER_CERTFILE"):
        ServingSettings(server_certfile=ours.chain, server_keyfile=other.key).server_context()
    with pytest.raises(ServingFileError, match="No such file"):
        ServingSettings(server_certfile=tmp_path / "x", server_keyfile=other.key).server_context()
    assert ServingSettings(server_certfile=ours.chain, server_keyfile=ours.key).server_context()
    assert ServingSettings().server_context() is None
