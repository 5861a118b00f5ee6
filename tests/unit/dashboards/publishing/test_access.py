"""Where Grafana is, and the token."""

from pathlib import Path

import pytest

from dashboards.publishing.access import Address, read_token
from dashboards.publishing.errors import PublishingError

SECRET = "glsa_a-secret"  # noqa: S105 - not one


@pytest.mark.parametrize(
    "text",
    [
        "http://localhost:3000",
        "https://grafana.example.org",
        "https://example.org/monitoring/grafana",
        "http://[::1]:3000",
    ],
)
def test_an_address_is_read_and_shown(text: str) -> None:
    assert str(Address.parse(text)) == str(Address.parse(f"{text}/")) == text


@pytest.mark.parametrize(
    "text",
    ["", "localhost:3000", "ftp://x", "http://", "http://x:port", "http://[", "http://a b", "x\n"],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(PublishingError, match=r"write it as https://"):
        Address.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        f"https://admin:{SECRET}@grafana.example.org",
        f"https://{SECRET}@grafana.example.org",
        f"https://admin:{SECRET}@grafana.example.org:port",
        f"https://grafana.example.org/?auth_token={SECRET}",
    ],
)
def test_a_secret_in_an_address_is_refused_and_not_repeated(text: str) -> None:
    """It would be in the shell's history, and in a log."""
    with pytest.raises(PublishingError) as caught:
        Address.parse(text)
    assert SECRET not in str(caught.value)


def test_the_token_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no file is named."""
    monkeypatch.setenv("SMART_REGION_GRAFANA_TOKEN", f" {SECRET}\n")
    assert read_token(None).get_secret_value() == SECRET


def test_a_file_goes_before_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMART_REGION_GRAFANA_TOKEN", "another")
    file = tmp_path / "token"
    file.touch(mode=0o600)
    file.write_text(f"{SECRET}\n")
    assert read_token(file).get_secret_value() == SECRET


def test_no_token_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SMART_REGION_GRAFANA_TOKEN", raising=False)
    with pytest.raises(PublishingError, match=r"TOKEN: holds no token: put .* --token-file"):
        read_token(None)


@pytest.mark.parametrize("content", [b"", b"  \n", b"two words", b"a\nb", "clé".encode(), b"\xff"])
def test_a_file_without_a_token_is_refused(tmp_path: Path, content: bytes) -> None:
    """What it holds is not repeated: it may be nearly a secret."""
    file = tmp_path / "file"
    file.write_bytes(content)
    with pytest.raises(PublishingError) as caught:
        read_token(file)
    assert "two words" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    with pytest.raises(PublishingError, match="No such file"):
        read_token(tmp_path / "none")


def test_a_token_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in a log nor in a traceback."""
    monkeypatch.setenv("SMART_REGION_GRAFANA_TOKEN", SECRET)
    token = read_token(None)
    assert SECRET not in f"{token} {token!r}"
