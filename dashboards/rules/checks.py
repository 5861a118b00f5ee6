"""The check of generated files by Prometheus' and Alertmanager's own tools."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

from boundary.errors import SmartRegionError

CHECK_SECONDS: Final = 60.0
"""Far more than a check of some hundred kilobytes takes."""

_CHECKS: Final = (
    # The files that it names are where Prometheus runs; the rules are checked by the next.
    ("promtool", "check", "config", "--syntax-only", "prometheus/prometheus.yaml"),
    ("promtool", "check", "rules", "--lint-fatal"),
    ("amtool", "check-config", "alertmanager/alertmanager.yaml"),
)
_RULES: Final = "prometheus/rules/*.yaml"


class RefusedError(SmartRegionError):
    """A generated file that the program it is for does not take."""

    def __init__(self, tool: str, *, output: str) -> None:
        super().__init__(
            f"rules: {tool} refuses them, and nothing was written: {output.strip()}:"
            " correct the catalogue or the contacts, or report it"
        )


def check_files(folder: Path) -> tuple[str, ...]:
    """Check the files in a folder; returns the names of the tools that are not installed.

    Raises RefusedError with what a tool printed, or SmartRegionError.
    """
    missing: dict[str, None] = {}
    for tool, *arguments in _CHECKS:
        program = shutil.which(tool)
        if program is None:
            missing[tool] = None
            continue
        files = sorted(folder.glob(_RULES)) if arguments[1] == "rules" else []
        try:
            done = subprocess.run(  # noqa: S603 - the tool, on files of our own
                [program, *arguments, *map(str, files)],
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
                timeout=CHECK_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise SmartRegionError(
                f"rules: {tool} did not end within {CHECK_SECONDS:g} s, and nothing was written:"
                " run the command again when this machine has less to do"
            ) from error
        if done.returncode != 0:
            raise RefusedError(tool, output=done.stdout + done.stderr)
    return tuple(missing)
