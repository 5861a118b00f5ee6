"""The account of a run: as text, and as a page of its own in HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tests.chaos.faults import FaultKind
from tests.chaos.journal import Journal

COUNTS: Final[Mapping[str, str]] = {
    "sent": "events and records sent",
    "acknowledged": "acknowledged by Kafka to the producer",
    "receipts": "receipts of the gateway",
    "repeated": "sent again after an error or no answer",
    "accepted": "accepted, by the audit",
    "refused": "refused",
    "duplicates": "duplicates",
    "figures": "figures compared with a recount",
    "assessed": "figures of the assessor compared",
    "places": "acknowledged positions read back",
    "restarts": "processes restarted by their supervisor",
}

MEANINGS: Final[Mapping[FaultKind, str]] = {
    FaultKind.WORKER_KILL: "a worker killed (SIGKILL)",
    FaultKind.WORKER_PAUSE: "a worker frozen (SIGSTOP), then awake",
    FaultKind.ASSESSOR_KILL: "the assessor killed",
    FaultKind.GATEWAY_KILL: "the gateway killed, away for a while",
    FaultKind.BROKER_KILL: "a broker killed, away for a while",
    FaultKind.BROKER_PAUSE: "a broker frozen, then awake",
    FaultKind.BROKER_DISK_FULL: "a broker whose every write to a file fails",
    FaultKind.ROLLING_RESTART: "all brokers shut down and restarted in turn",
    FaultKind.CONTROLLER_KILL: "the active controller killed",
    FaultKind.NETWORK_DELAY: "a slow path to a broker",
    FaultKind.NETWORK_CUT: "a broker's connections cut and refused",
    FaultKind.NETWORK_HALF_OPEN: "a broker's connections silent, then gone",
}


def rate_reached(journal: Journal) -> float:
    seconds = journal.total("traffic_seconds")
    acknowledged = journal.total("acknowledged") + journal.total("receipts")
    return acknowledged / seconds if seconds else 0.0


def account_lines(journal: Journal) -> Sequence[str]:
    """Return the account of the minutes that are done, a line for each number."""
    done = journal.faults_done
    return [
        _heading(journal),
        *(f"{journal.total(name):>12.0f}  {what}" for name, what in COUNTS.items()),
        f"{rate_reached(journal):>12.0f}  acknowledged a second, {journal.plan.rate} asked for",
        f"{sum(done.values()):>12}  faults:",
        *(f"{count:>16}  {MEANINGS[kind]}" for kind, count in done.items()),
        f"{len(journal.failed):>12}  minutes with a difference",
    ]


def account_html(journal: Journal) -> str:
    """Return the account with each minute's faults and results, in the style of the note."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = files("report").joinpath("static", "note.css").read_text(encoding="utf-8")
    return environment.get_template("account.html").render(
        heading=_heading(journal),
        journal=journal,
        counts=[(what, round(journal.total(name))) for name, what in COUNTS.items()],
        rate=round(rate_reached(journal)),
        faults=[(MEANINGS[kind], count) for kind, count in journal.faults_done.items()],
        style=Markup(style),  # noqa: S704 - our own file
    )


def _heading(journal: Journal) -> str:
    plan = journal.plan
    return (
        f"Chaos: seed {plan.seed}, {len(journal.minutes)} minutes of {plan.seconds:.0f} s,"
        f" {plan.workers} workers, 3 brokers"
    )
