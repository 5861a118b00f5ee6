"""Which packages `deploy/debian-packages.sh` asks for."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.support.commands import captured

ROOT: Final = Path(__file__).parents[3]
ALERTING: Final = {"prometheus", "prometheus-alertmanager"}
GUIDE: Final = {"curl", "kcat", "npm", "nodejs"}


def asked(folder: Path, *groups: str) -> subprocess.CompletedProcess[str]:
    (folder / "id").write_text("#!/bin/sh\necho 1000\n")
    (folder / "id").chmod(0o755)
    for name in ("bash", "sh", "grep"):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(shutil.which(name) or name)
    return captured(
        [folder / "bash", ROOT / "deploy/debian-packages.sh", *groups],
        env={"PATH": str(folder)},
        timeout=30,
    )


def missing(done: subprocess.CompletedProcess[str]) -> set[str]:
    return {*done.stderr.partition("Not found: ")[2].partition(".")[0].split()}


def test_only_the_named_groups_are_asked_for(tmp_path: Path) -> None:
    done = asked(tmp_path, "alerting")

    assert (done.returncode, missing(done)) == (0, ALERTING)
    assert "sudo deploy/debian-packages.sh alerting\n" in done.stderr


def test_without_a_group_all_are_asked_for_and_an_unknown_one_is_refused(tmp_path: Path) -> None:
    assert missing(asked(tmp_path)) >= ALERTING | GUIDE

    done = asked(tmp_path, "alerting", "alertng")
    assert (done.returncode, "no group alertng" in done.stderr) == (2, True)


def test_no_group_takes_its_own_function_for_the_program() -> None:
    """`command -v` finds functions too: haproxy was never installed."""
    script = (ROOT / "deploy/debian-packages.sh").read_text()
    groups = re.findall(r"^(\w+)\(\)", script, re.MULTILINE)

    assert "haproxy" in groups
    assert not [name for name in groups if f"command -v {name} " in script]


def test_the_stack_asks_for_what_it_runs_alone() -> None:
    targets = {
        block.partition(":")[0]: block for block in (ROOT / "Makefile").read_text().split("\n\n")
    }

    assert "deploy/debian-packages.sh alerting haproxy >&2\n" in targets["stack"]
    assert "deploy/debian-packages.sh >&2\n" in targets["test"]
    assert "deploy/debian-packages.sh >&2\n" in targets["nightly"]
