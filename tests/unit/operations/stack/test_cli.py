"""The command line of a stack."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from boundary.errors import SmartRegionError
from operations.programs.kafka import KAFKA_FOLDER
from operations.stack import system
from smart_region import main

Run = Callable[..., None]


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    def invoke(run: Run, *arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(system, "run_stack", run)
        result = CliRunner().invoke(main, ["stack", *arguments])
        return result.exit_code, result.output

    return invoke


def test_it_runs_in_a_clone_without_options(stack: Callable[..., tuple[int, str]]) -> None:
    plans = []

    stack(lambda *plan: plans.append(plan[:3]))
    stack(lambda *plan: plans.append(plan[:3]), "--folder=a", "--kafka=b", "--pace=live")

    assert plans == [
        (Path("build/stack"), KAFKA_FOLDER, "steady"),
        (Path("a"), Path("b"), "live"),
    ]


def test_a_signal_is_an_orderly_end(stack: Callable[..., tuple[int, str]]) -> None:
    status, output = stack(lambda *_: signal.raise_signal(signal.SIGTERM))

    assert (status, output) == (0, "")


def test_what_cannot_go_on_ends_with_one_line(stack: Callable[..., tuple[int, str]]) -> None:
    def run(*_: object) -> None:
        raise SmartRegionError("gateway: ended 5 times in a row")

    status, output = stack(run)

    assert status == 2
    assert output.startswith("Error: gateway: ended 5 times in a row")
    assert output.count("\n") == 1
