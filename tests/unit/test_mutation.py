"""What `make mutants` mutates, and with which tests."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIGURATION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
    "mutmut"
]
MODULES: list[str] = CONFIGURATION["only_mutate"]
TESTS: list[str] = CONFIGURATION["pytest_add_cli_args_test_selection"]
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
REQUIREMENTS = "tests/mutation/requirements.txt"


@pytest.mark.parametrize("module", MODULES)
def test_a_mutated_module_and_its_own_tests_exist(module: str) -> None:
    """One that has moved would be mutated no more, and nothing would say so."""
    package, name = module.split("/")

    assert (ROOT / module).is_file()
    assert f"tests/unit/{package}/test_{name}" in TESTS


@pytest.mark.parametrize("module", MODULES)
def test_the_page_has_the_score_of_each_module(module: str) -> None:
    """At least 90 % killed, as was asked for."""
    row = re.search(rf"^\| `{re.escape(module)}` \|.*\| ([0-9.]+) % \|$", PAGE, re.MULTILINE)

    assert row is not None
    assert float(row[1]) >= 90


def test_mutants_are_judged_by_the_pytest_that_judges_the_code() -> None:
    """Mutmut's environment brings its own, which is tried before the project's."""
    pins = [
        re.search(r"^pytest==\S+", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE)
        for lock in ("requirements/dev.txt", REQUIREMENTS)
    ]

    assert len({pin and pin[0] for pin in pins}) == 1
