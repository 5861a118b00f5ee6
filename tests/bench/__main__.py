"""`make bench`: the engines on one broker, a worker's costs, gateway, page, more workers, peers."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Final

import click

from tests.bench.capacity import measure_capacity
from tests.bench.gateway import measure_gateway
from tests.bench.harness import DOCS, ENTITIES_MEASURED, Bench, section
from tests.bench.overload import measure_overload
from tests.bench.page import measure_page
from tests.bench.peers.peers import measure_peers
from tests.bench.scale import measure_scale
from tests.bench.worker import measure_worker
from tests.support.kafka import KafkaBroker

#: By part: what measures it, the mark of its section, and the page that has it.
PARTS: Final[dict[str, tuple[Callable[[Bench], str], str, str]]] = {
    "worker": (measure_worker, "", "performance.md"),
    "gateway": (measure_gateway, "gateway ", "performance.md"),
    "page": (measure_page, "page ", "performance.md"),
    "scale": (measure_scale, "", "capacity.md"),
    "capacity": (measure_capacity, "millions ", "capacity.md"),
    "overload": (measure_overload, "overload ", "capacity.md"),
    "peers": (measure_peers, "peers ", "performance.md"),
}
#: Measured only if they are named: two take long, one of them much disk; the peers are installed.
LONG: Final = ("capacity", "overload", "peers")
BEGAN: Final = monotonic()


@click.command()
@click.option("--rounds", default=3, show_default=True, help="How often each engine runs.")
@click.option(
    "--write",
    "into_page",
    is_flag=True,
    help="Put the result into docs/performance.md and docs/capacity.md.",
)
@click.option(
    "--only",
    type=click.Choice([*PARTS]),
    help="Measure one of the parts. Only if they are named: capacity, which takes long and much"
    " disk, overload, which takes long, and the peers, which are installed first.",
)
@click.option(
    "--entities",
    default=ENTITIES_MEASURED,
    show_default=True,
    type=click.IntRange(min=2),
    help="For capacity: how many entities, with five events for each two.",
)
def main(*, rounds: int, into_page: bool, only: str | None, entities: int) -> None:
    """Measure, print the tables, and report the progress on standard error."""
    for part in [one for one in PARTS if one not in LONG] if only is None else [only]:
        measure, mark, page = PARTS[part]
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            folder = Path(name)
            with KafkaBroker(folder / "kafka", heap_mb=1024, jvm_options=()) as broker:
                found = measure(Bench(broker, folder, _report, rounds, entities))
        click.echo(found)
        if into_page:
            _write(found, DOCS / page, mark)


def _write(found: str, page: Path, mark: str) -> None:
    written = page.read_text(encoding="utf-8")
    page.write_text(section(mark).sub(lambda _: f"\n{found}\n", written), encoding="utf-8")


def _report(line: str) -> None:
    click.echo(f"{monotonic() - BEGAN:6.1f} s  {line}", err=True)


if __name__ == "__main__":
    main()
