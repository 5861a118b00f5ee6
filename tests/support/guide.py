"""A guide's code blocks, read from its Markdown and executed as its reader would.

Blocks of `bash` are run one after the other in one folder. A block whose fence also names a file
(`python send.py`) is saved under that name. A block of `json` or `text` is the expected output of
the command before it: blanks do not matter, and `…` stands for anything.
"""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

SECONDS = 90.0
SHOWN = ("json", "text")
_FENCE = re.compile(
    r"^```(?P<language>\S+)(?: (?P<file>\S+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """A code block of a guide."""

    language: str
    file: str | None
    text: str
    line: int


class UnexpectedAnswerError(AssertionError):
    """A command of the guide failed, or did not show what the guide says."""

    def __init__(self, block: Block, problem: str, *, output: str) -> None:
        super().__init__(f"line {block.line}: {problem}\n{block.text}\nit said:\n{output}")


def blocks_of(guide: Path) -> list[Block]:
    text = guide.read_text(encoding="utf-8")
    return [
        Block(
            found["language"],
            found["file"],
            found["text"],
            text.count("\n", 0, found.start()) + 1,
        )
        for found in _FENCE.finditer(text)
    ]


def shows(expected: str, output: str) -> bool:
    parts = ("".join(part.split()) for part in expected.split("…"))
    return re.fullmatch(".*".join(map(re.escape, parts)), "".join(output.split())) is not None


class Reader:
    """A reader who follows the guide, in a separate folder."""

    def __init__(self, folder: Path, *, env: Mapping[str, str]) -> None:
        """Take the variables that are set in the terminal before the first command."""
        self.folder = folder
        self._env = {**os.environ, **env}
        self._kept = folder / ".environment"
        self._kept.touch()

    def follow(self, blocks: list[Block]) -> None:
        """Execute the blocks in order; raise UnexpectedAnswerError if one fails."""
        for block, shown in _with_what_they_show(blocks):
            if block.file is not None:
                (self.folder / block.file).write_text(block.text, encoding="utf-8")
                continue
            done = self._run(block.text)
            if done.returncode:
                problem = f"ended with status {done.returncode}"
                raise UnexpectedAnswerError(block, problem, output=done.stdout)
            if shown is not None and not shows(shown.text, done.stdout):
                raise UnexpectedAnswerError(shown, "was not shown", output=done.stdout)

    def _run(self, script: str) -> "subprocess.CompletedProcess[str]":
        # Later blocks see what earlier ones export, as in a single terminal.
        return subprocess.run(
            [
                "bash",
                "-euo",
                "pipefail",
                "-c",
                f"source '{self._kept}'\n{script}\nexport -p >'{self._kept}'\n",
            ],
            cwd=self.folder,
            env=self._env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,  # As a terminal shows it.
            text=True,
            check=False,
            timeout=SECONDS,
        )


def _with_what_they_show(blocks: list[Block]) -> Iterator[tuple[Block, Block | None]]:
    following: list[Block | None] = [*blocks[1:], None]
    for block, after in zip(blocks, following, strict=True):
        if block.language not in SHOWN or block.file is not None:
            shown = after is not None and after.language in SHOWN and after.file is None
            yield block, after if shown else None
