"""Harvests of the portal on loopback, on a day chosen by the test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from boundary.public_network import CheckedNetwork
from events.cloudevent import CloudEvent
from sources.harvest.opendatasoft import read_opendatasoft
from sources.harvest.polite_client import PoliteClient, Politeness
from sources.harvest.run import Harvest, HarvestTally, run_harvest
from sources.harvest.screen import probe
from tests.support.portals import Portal
from tests.support.watched_publisher import RecordingPublisher

PRIVATE = CheckedNetwork(private=True)
"""For the portal, which is on loopback."""
NOW = datetime(2026, 11, 27, 8, tzinfo=UTC)


def hurried(**how: Any) -> PoliteClient:
    """Return a client for the portal that neither pauses nor sleeps."""
    return PoliteClient(
        Politeness(
            "x@example.org", pause=0, network=PRIVATE, sleep=lambda _: None, **{"seconds": 5, **how}
        )
    )


def harvest(
    served: Portal,
    file: Path,
    publisher: RecordingPublisher | None = None,
    *,
    days: float = 0,
    with_data: bool = False,
    **how: Any,
) -> tuple[list[CloudEvent], HarvestTally]:
    """Harvest the portal some days later; return the events and the tally."""
    sent = publisher or RecordingPublisher()
    plan = Harvest(served.url, "here", file, **how)
    tally = HarvestTally()
    with hurried() as client:
        read = partial(read_opendatasoft, client, served.url)
        run_harvest(
            plan,
            read,
            lambda: sent,
            now=NOW + timedelta(days=days),
            tally=tally,
            probe=partial(probe, client) if with_data else None,
        )
    return sent.events, tally
