"""How far each target was fuzzed from each seed, kept between runs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from boundary.whole_file import whole_file
from tests.fuzz.limits import Cost

_FILE: Final = "account.json"


@dataclass
class Progress:
    """What was done of one target from one seed, over any number of runs."""

    target: str
    seed: int
    rounds: int = 0
    examples: int = 0
    seconds: float = 0.0
    """Of the processor, drawing and shrinking included."""
    slowest_seconds: float = 0.0
    highest_mib: float = 0.0
    failures: list[str] = field(default_factory=list)

    def add(self, cost: Cost) -> None:
        self.examples += 1
        self.slowest_seconds = max(self.slowest_seconds, cost.seconds)
        self.highest_mib = max(self.highest_mib, cost.mib)


@dataclass
class Account:
    """What was done of every target."""

    folder: Path
    progress: list[Progress] = field(default_factory=list)

    def of(self, target: str, seed: int) -> Progress:
        for one in self.progress:
            if (one.target, one.seed) == (target, seed):
                return one
        self.progress.append(Progress(target, seed))
        return self.progress[-1]

    def save(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps([asdict(one) for one in self.progress], indent=1)
        with whole_file(self.folder / _FILE) as stream:
            stream.write(f"{text}\n".encode())


def load_account(folder: Path) -> Account:
    """Return what earlier runs have kept in a folder; an empty one where there is nothing."""
    file = folder / _FILE
    if not file.exists():
        return Account(folder)
    kept = json.loads(file.read_text(encoding="utf-8"))
    return Account(folder, [Progress(**one) for one in kept])


def account_text(progress: Iterable[Progress]) -> str:
    """Return a table: target, examples, minutes, slowest example, most memory, failures."""
    lines = [
        "target        seed   examples  minutes  slowest   memory  failures",
        *(
            f"{one.target:12} {one.seed:5} {one.examples:10} {one.seconds / 60:8.1f} "
            f"{one.slowest_seconds * 1000:5.0f} ms {one.highest_mib:4.0f} MiB"
            f" {len(one.failures):9}"
            for one in progress
        ),
    ]
    return "\n".join(lines)
