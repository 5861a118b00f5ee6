"""The command of this program, as another terminal can run it."""

from __future__ import annotations

import sys
from pathlib import Path
from shlex import quote


def own_program() -> str:
    """Return the command of this program, which a second terminal may not have on its path."""
    program = Path(sys.executable).parent / "smart-region"
    return quote(str(program.absolute())) if program.exists() else "smart-region"
