"""The scenarios by their names."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from tests.crash.erasing import Erasing
from tests.crash.importing import Importing
from tests.crash.letters import Discarding, Replaying
from tests.crash.spooling import Spooling
from tests.crash.topics import Topics
from tests.crash.trying import Scenario
from tests.support.gateway_stub import gateway_stub
from tests.support.kafka import KafkaBroker

NAMES: Final = tuple(one.name for one in (Spooling, Importing, Replaying, Discarding, Erasing))


@contextmanager
def opened(names: Collection[str], broker: KafkaBroker) -> Iterator[list[Scenario]]:
    """Yield scenarios by their names, with what they need; the broker has the monitor's topics."""
    with ExitStack() as stack:
        gateway = stack.enter_context(gateway_stub())
        topics = stack.enter_context(Topics.opened(broker))
        found: list[Scenario] = [
            Spooling(gateway),
            Importing(topics),
            Replaying(topics),
            Discarding(topics),
        ]
        if Erasing.name in names:
            found.append(stack.enter_context(Erasing.with_workers(topics)))
        yield [one for one in found if one.name in names]
