"""The lists of locked packages: what pip must find in them on any day."""

from __future__ import annotations

import re
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement

LOCKED = (Path(__file__).parents[3] / "requirements" / "dev.txt").read_text(encoding="utf-8")


def test_a_package_that_is_needed_with_extras_is_pinned_with_them() -> None:
    """Of one pinned alone, pip takes the newest release, finds it unpinned, and ends."""
    needed = [
        Requirement(line)
        for distribution in distributions()
        for line in distribution.requires or []
        if "extra ==" not in line
    ]
    extras = {(one.name.lower(), extra) for one in needed for extra in one.extras}
    pinned = {
        (name, extra)
        for name, names in re.findall(r"^([a-z0-9-]+)\[(.+)\]==", LOCKED, re.MULTILINE)
        for extra in names.split(",")
    }

    assert ("coverage", "toml") in extras
    assert extras <= pinned
