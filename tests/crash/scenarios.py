"""The scenarios by their names."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Final

from tests.crash.erasing import Erasing, committing
from tests.crash.importing import Importing
from tests.crash.letters import Discarding, Replaying
from tests.crash.spooling import Spooling
from tests.crash.topics import Topics
from tests.crash.trying import Scenario
from tests.support.gateway_stub import GatewayStub, gateway_stub
from tests.support.kafka import KafkaBroker

NAMES: Final = ("spool", "import", "replay", "discard", "erase")


@contextmanager
def opened(names: Collection[str], broker: KafkaBroker) -> Iterator[list[Scenario]]:
    """Yield scenarios by their names, with what they need; the broker has the monitor's topics."""
    with ExitStack() as stack:
        gateway = stack.enter_context(gateway_stub())
        topics = stack.enter_context(Topics.opened(broker))
        if "erase" in names:
            stack.enter_context(committing(topics))
        found = [
            spooling(gateway),
            Scenario("import", partial(Importing, topics), ("journal",)),
            Scenario("replay", partial(Replaying, topics)),
            Scenario("discard", partial(Discarding, topics)),
            Scenario("erase", partial(Erasing, topics)),
        ]
        yield [one for one in found if one.name in names]


def spooling(gateway: GatewayStub, fault: str | None = None) -> Scenario:
    return Scenario("spool", partial(Spooling, gateway, fault=fault), ("spool.db",))
