"""veraPDF, which says which rules of a standard a PDF breaks."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from tests.support.requirements import give_up, require_programs

STANDARDS: Final = ("ua1", "2a")
"""PDF/UA-1 and PDF/A-2a, as veraPDF names them."""

_PDF: Final = Path(__file__).parents[1] / "pdf"
_JARS: Final = _PDF / "target" / "jars"
#: A short life: the compiler that makes long ones fast costs more than it brings.
_VALIDATE: Final[tuple[str | Path, ...]] = (
    *("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Dfile.encoding=UTF-8"),
    *("-cp", f"{_JARS}/*", _PDF / "Validate.java"),
)
_REMEDY: Final = "run tests/clients/packages.sh and tests/pdf/packages.sh"
_SECONDS: Final = 100.0


class Verdict(NamedTuple):
    """What was found in a file."""

    checks: int
    broken: Mapping[str, str]
    """Each rule that the file breaks, by clause and number, with its text."""


def validated(files: Mapping[str, bytes], folder: Path) -> dict[tuple[str, str], Verdict]:
    """Validate PDFs against both standards, by their names; gives up where there is no veraPDF."""
    require_programs("java", "javac", remedy=_REMEDY)
    if not (_PDF / "target" / "done").exists():
        give_up(f"veraPDF is missing: {_REMEDY}")
    for name, content in files.items():
        (folder / name).write_bytes(content)
    done = subprocess.run(
        [*_VALIDATE, ",".join(STANDARDS), *files],
        cwd=folder,
        capture_output=True,
        check=False,
        timeout=_SECONDS,
    )
    assert done.returncode == 0, done.stderr.decode()
    found = {}
    for line in done.stdout.decode().splitlines():
        name, standard, checks, *broken = line.split("\t")
        rules = dict(rule.split(" ", 1) for rule in broken)
        found[name, standard] = Verdict(int(checks), rules)
    return found
