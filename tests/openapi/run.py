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

from events.registry import FACTS
from tests.openapi.sendable import SOURCE
from tests.support.gateways import Gateway, issue_credentials

Answers = Counter[tuple[str, str | None, int]]
"""How often each operation answered each status, to data that fit the document or do not."""

_PRODUCER: Final = "openapi"
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
    credentials = issue_credentials(_PRODUCER, folder)
    types = sorted({f'"{fact.NAME.partition(".")[0]}.*"' for fact in FACTS.values()})
    producers = folder / "producers.yaml"
    producers.write_text(
        f"producers:\n  - id: {_PRODUCER}\n    title: Tout\n    contact: tout\n"
        f"    sources: [{SOURCE}]\n    types: [{', '.join(types)}]\n    expected_every: daily\n"
        "    quota: { events_per_second: 1_000_000, burst: 1_000_000 }\n",
        encoding="utf-8",
    )
    settings = {"SMART_REGION_PRODUCERS": str(producers)}
    with Gateway(bootstrap, folder, secrets=credentials.file, settings=settings) as gateway:
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
