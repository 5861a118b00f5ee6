"""The check of a Grafana's boards, which writes nothing."""

from pathlib import Path

import pytest

from catalogue.loader import load_catalogue
from dashboards.publishing.adapter import Grafana
from dashboards.publishing.apply import carry_out, survey
from dashboards.publishing.check import look_at_boards, wanted_boards
from dashboards.publishing.errors import (
    BoardsMissingError,
    DataSourceMissingError,
    UnauthorizedError,
)
from tests.support.grafana_stub import TOKEN, GrafanaStub


@pytest.fixture
def token(tmp_path: Path) -> Path:
    """Return a file with the stub's token."""
    file = tmp_path / "token"
    file.touch(mode=0o600)
    file.write_text(TOKEN)
    return file


def test_a_grafana_without_boards_is_reported(stub: GrafanaStub, token: Path) -> None:
    """With the command that makes them, and nothing was written."""
    with pytest.raises(BoardsMissingError, match="boards apply"):
        look_at_boards(load_catalogue(), stub.url, token_file=token)

    assert stub.writes == []


def test_a_grafana_with_the_boards_is_well(
    stub: GrafanaStub, grafana: Grafana, token: Path
) -> None:
    """As `boards apply` leaves it."""
    carry_out(grafana, survey(grafana, wanted_boards(load_catalogue())))

    assert "boards" in look_at_boards(load_catalogue(), stub.url, token_file=token)


def test_a_grafana_without_a_data_source_is_reported(stub: GrafanaStub, token: Path) -> None:
    """Every panel would be empty."""
    stub.sources.clear()

    with pytest.raises(DataSourceMissingError):
        look_at_boards(load_catalogue(), stub.url, token_file=token)


def test_a_token_that_opens_nothing_is_reported(stub: GrafanaStub, token: Path) -> None:
    """It has expired, or is another Grafana's."""
    token.write_text("glsa_another")

    with pytest.raises(UnauthorizedError):
        look_at_boards(load_catalogue(), stub.url, token_file=token)
