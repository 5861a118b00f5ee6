"""Ruff's security rules (S, after Bandit) stay on, and each exception says why."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
LINT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "tool"
]["ruff"]["lint"]
SECURITY: Final = re.compile(r"S\d*")
EXCEPTION: Final = re.compile(r"# noqa:(?P<codes>[^-\n]*)(?P<reason> - \S.*)?$", re.MULTILINE)
OURS: Final = [
    file
    for folder in (
        "audit",
        "boundary",
        "broker",
        "catalogue",
        "dashboards",
        "deploy/docker",
        "events",
        "gateway",
        "operations",
        "report",
        "simulation",
        "sources",
        "streams",
    )
    for file in sorted((ROOT / folder).rglob("*.py"))
] + [ROOT / "smart_region.py"]

#: Where a rule is off for whole files, with what the reason in `pyproject.toml` allows.
OFF: Final = {
    "simulation/**": {"S311"},
    "deploy/docker/*.py": {"S603", "S607"},
    "tests/**": {"S101", "S311", "S603", "S607"},
}


def security_codes(codes: list[str]) -> set[str]:
    """Keep the codes of security rules: S and its numbers, not SIM or SLF."""
    return {code for code in codes if SECURITY.fullmatch(code)}


def test_the_rules_are_on() -> None:
    """All of them are chosen, and none is off for everything."""
    assert LINT["select"] == ["ALL"]
    assert security_codes(LINT["ignore"]) == set()
    assert security_codes(LINT.get("extend-ignore", [])) == set()


def test_a_rule_is_off_for_no_other_files() -> None:
    """Chance in a simulator; programs that the tests and the image's build call."""
    off = {
        files: codes
        for files, ignored in LINT["per-file-ignores"].items()
        if (codes := security_codes(ignored))
    }

    assert off == OFF


def test_every_exception_says_why() -> None:
    """Beside the line that it is for."""
    unexplained = [
        f"{file.relative_to(ROOT)}: {found[0]}"
        for file in OURS
        for found in EXCEPTION.finditer(file.read_text(encoding="utf-8"))
        if security_codes(re.findall(r"[A-Z]+\d+", found["codes"])) and not found["reason"]
    ]

    assert unexplained == []
