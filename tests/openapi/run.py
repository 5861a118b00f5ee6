"""Runs Schemathesis against a gateway, and counts what was answered."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.openapi.sendable import SOURCE
from tests.support.gateways import Gateway
from tests.support.producers import EVERYTHING, UNLIMITED, producer
from tests.support.running_gateway import new_gateway

Answers = Counter[tuple[str, str | None, int]]
"""How often each operation answered each status, to data that fit the document or do not."""

_CONFIG: Final = Path(__file__).with_name("schemathesis.toml")


@dataclass(frozen=True)
class Outcome:
    """What Schemathesis found: its exit status is 0 where nothing failed."""

    status: int
    report: str
    answers: Answers


@contextmanager
def gateway_for_all_facts(bootstrap: str, folder: Path) -> Iterator[tuple[Gateway, str]]:
    """Yield a gateway, and the token of a producer that may send it every fact."""
    sender = producer("openapi", SOURCE, types=EVERYTHING, quota=UNLIMITED)
    gateway, credentials = new_gateway(bootstrap, folder, sender)
    with gateway:
        yield gateway, credentials.token


def send_requests(
    url: str,
    token: str,
    folder: Path,
    *,
    seed: int,
    examples: int,
    share: int = 1,
    seconds: int | None = None,
) -> Outcome:
    """Send the requests of a seed to a gateway: systematic ones, then drawn ones.

    Of the systematic ones that send events, one in `share`; of the drawn ones, so many `examples`
    for each operation, or more until `seconds` are over.
    """
    answers = folder / "answers.jsonl"
    answers.touch()
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(_CONFIG)),
        *("run", f"{url}/openapi.json", "--no-color"),
        *("--seed", str(seed), "--max-examples", str(examples)),
        *(() if seconds is None else ("--max-time", str(seconds))),
    ]
    settings = {"TOKEN": token, "ANSWERS": str(answers), "SEED": str(seed), "SHARE": str(share)}
    done = subprocess.run(
        command,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=_CONFIG.parents[2],
        env={**os.environ, **settings},
    )
    lines = answers.read_text(encoding="utf-8").splitlines()
    counted: Answers = Counter()
    for operation, mode, status in map(json.loads, lines):
        counted[operation, mode, status] += 1
    return Outcome(done.returncode, done.stdout, counted)
