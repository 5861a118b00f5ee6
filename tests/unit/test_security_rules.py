"""Ruff's security rules (S, after Bandit) stay on, and each exception says why."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Final

from tests.support.commands import captured

ROOT: Final = Path(__file__).parents[2]
LINT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "tool"
]["ruff"]["lint"]
SECURITY: Final = re.compile(r"S\d*")
EXCEPTION: Final = re.compile(r"# noqa:(?P<codes>[^-\n]*)(?P<reason> - \S.*)?$", re.MULTILINE)
OURS: Final = captured(["git", "ls-files", "*.py", ":!tests"], cwd=ROOT).stdout.split()


def security_codes(codes: list[str]) -> set[str]:
    """Keep the codes of security rules: S and its numbers, not SIM or SLF."""
    return {code for code in codes if SECURITY.fullmatch(code)}


def test_the_rules_are_on() -> None:
    assert LINT["select"] == ["ALL"]
    assert security_codes(LINT["ignore"]) == set()
    assert security_codes(LINT.get("extend-ignore", [])) == set()


def test_every_exception_says_why() -> None:
    unexplained = [
        f"{file}: {found[0]}"
        for file in OURS
        for found in EXCEPTION.finditer((ROOT / file).read_text(encoding="utf-8"))
        if security_codes(re.findall(r"[A-Z]+\d+", found["codes"])) and not found["reason"]
    ]

    assert unexplained == []
