"""What the command refuses before anything starts."""

import pytest
from click.testing import CliRunner, Result

from simulation.demo import run
from smart_region import main


@pytest.fixture(autouse=True)
def _nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("the demo was started")

    monkeypatch.setattr(run, "run_demo", refuse)


def demo(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["demo", *arguments])


def test_json_needs_an_end() -> None:
    result = demo("--json")

    assert result.exit_code == 2
    assert "add --until-replayed" in result.stderr


@pytest.mark.parametrize(
    ("first", "last"),
    [("2015-12-31", "2016-02-01"), ("2020-01-01", "2021-01-01"), ("2017-01-02", "2017-01-01")],
)
def test_the_days_must_be_in_order_and_simulated(first: str, last: str) -> None:
    result = demo("--from", first, "--to", last)

    assert result.exit_code == 2
    assert f"--from {first} --to {last}: give two days in order" in result.stderr


@pytest.mark.parametrize("speed", ["0", "-1", "nan", "1e9"])
def test_the_speed_must_be_one(speed: str) -> None:
    assert demo("--speed", speed).exit_code == 2
