"""A user's commands and their output, as one text for a golden file."""

from __future__ import annotations

from pathlib import Path

from tests.support.commands import run_inside_with
from tests.support.golden import check_golden


class Session:
    """A terminal: each command runs in this process, and is recorded with output and status."""

    def __init__(self, **names: object) -> None:
        """Take names that replace values which differ from run to run, such as an address."""
        self._names = {str(value): name for name, value in names.items()}
        self._text = ""
        self.last = ""
        """The standard output of the last command."""

    def run(self, *arguments: str | Path, given: str = "", quietly: tuple[str, ...] = ()) -> None:
        """Run a command; `quietly` are further arguments, which are not recorded."""
        done = run_inside_with({}, *map(str, arguments), *quietly, standard_input=given)
        self.last = done.stdout
        self._text += f"$ {' '.join(map(str, arguments))}\n{done.stderr}{done.stdout}"
        self._text += f"(exit status {done.returncode})\n\n" if done.returncode else "\n"

    def check(self, file: Path) -> None:
        """Compare everything with a golden file."""
        text = self._text
        for value, name in self._names.items():
            text = text.replace(value, name)
        check_golden(file, text)
