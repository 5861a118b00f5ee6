"""A worker in the simulation: the real one, in a process that its supervisor starts again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from streams import worker
from streams.batch_transport import BatchTransport
from streams.engine import Engine
from streams.topic_watch import KnownTopics
from tests.simulation.loop import SimulationLoop, current_process
from tests.simulation.supervised import Supervised

if TYPE_CHECKING:
    from catalogue.model import Catalogue
    from events.producers.model import Producers
    from events.record_rules import RecordRules
    from streams.membership import Membership
    from streams.queries.serving import Teller
    from streams.settings import Settings

#: Shorter than the shipped one, as all times of the simulation are, and longer than a rebalance may
#: wait for a member.
HOLD_SECONDS = 14.0


class SimulatedWorker(Supervised):
    """A worker, with what the process that runs now is made of."""

    def __init__(  # noqa: PLR0913 - what it is made of, by name
        self,
        name: str,
        settings: Settings,
        *,
        loop: SimulationLoop,
        catalogue: Catalogue,
        producers: Producers,
        rules: RecordRules,
        note: Callable[[str], None],
        committed: Callable[[], Mapping[tuple[str, int], int]],
    ) -> None:
        super().__init__(name, loop=loop, note=note)
        self.settings = settings
        self.engine: Engine | None = None
        self.membership: Membership | None = None
        self.teller: Teller | None = None
        self.catalogue = catalogue
        self._producers = producers
        self._rules = rules
        self._committed = committed
        self.committed_before: Mapping[tuple[str, int], int] = {}
        """The group's offsets when the process began, by topic and partition."""

    def forget(self) -> None:
        """Forget what the process had."""
        self.engine = self.membership = self.teller = None

    async def work(self) -> None:
        """Run the worker until it ends."""
        settings, self.committed_before = self.settings, self._committed()
        self.engine = Engine(
            self.catalogue,
            settings.make_clock(),
            partitions=settings.partitions,
            producers=self._producers,
            skipped={},
            accepted=vars(worker)["read_decisions"](settings.broker).losses,
            rules=self._rules,
        )
        self.engine.hold_seconds = HOLD_SECONDS
        await worker._run(settings, self.engine, BatchTransport, KnownTopics(settings, {}))


def watch_workers() -> None:
    """Let each simulated worker know its membership and its teller, once it has them."""
    _watch("Membership", "membership")
    _watch("Teller", "teller")


def _watch(kind: str, name: str) -> None:
    real: Any = vars(worker)[kind]

    def made(*given: Any) -> Any:
        one = real(*given)
        setattr(current_process().owner, name, one)
        return one

    vars(worker)[kind] = made
