"""A worker in the simulation: the real one, in a process that its supervisor starts again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from streams import worker
from streams.batch_transport import BatchTransport
from streams.engine import Engine
from tests.simulation.loop import SimulationLoop, current_process
from tests.simulation.supervised import Supervised

if TYPE_CHECKING:
    from catalogue.model import Catalogue
    from events.producers.model import Producers
    from events.record_rules import RecordRules
    from streams.membership import Membership
    from streams.queries.telling import Teller
    from streams.settings import Settings

#: Shorter than the shipped one, as all times of the simulation are, and longer than a rebalance may
#: wait for a member.
HOLD_SECONDS = 14.0


class SimulatedWorker(Supervised):
    """A worker, with what the process that runs now is made of."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        *,
        loop: SimulationLoop,
        catalogue: Catalogue,
        producers: Producers,
        rules: RecordRules,
        note: Callable[[str], None],
    ) -> None:
        super().__init__(name, loop=loop, note=note)
        self.settings = settings
        self.engine: Engine | None = None
        self.membership: Membership | None = None
        self.teller: Teller | None = None
        #: Happens once, when it next has repaired entities to write.
        self.at_repair: Callable[[], None] | None = None
        self.catalogue = catalogue
        self._producers = producers
        self._rules = rules

    def forget(self) -> None:
        """Forget what the process had."""
        self.engine = self.membership = self.teller = None

    async def work(self) -> None:
        """Run the worker until it ends."""
        settings = self.settings
        self.engine = Engine(
            self.catalogue,
            settings.make_clock(),
            app_id=settings.app_id,
            partitions=settings.partitions,
            producers=self._producers,
            skipped={},
            rules=self._rules,
        )
        self.engine.hold_seconds = HOLD_SECONDS
        await worker._run(settings, self.engine, BatchTransport)


def watch_workers(on_write: Callable[[SimulatedWorker, int], object]) -> None:
    """Let each simulated worker know its membership and its teller, once it has them.

    `on_write` is called with the worker and the partition before each write of states, at once
    after its engine's last look at who owns the partition.
    """
    _watch("Membership", "membership")
    _watch("Teller", "teller")
    # Of a batch, and of repaired entities.
    _watch_writes("_write", on_write)
    _watch_writes("_write_states", on_write)
    _watch_repairs()


def _watch_repairs() -> None:
    real = Engine.rewrite_repaired

    async def rewrite(self: Engine, *given: Any) -> int:
        worker = current_process().owner
        if worker.at_repair is not None and self.state_store.repairs():
            happens, worker.at_repair = worker.at_repair, None
            happens()
            # The real one may wait here too, for a batch of the family.
            await asyncio.sleep(0)
        return await real(self, *given)

    vars_of: Any = Engine
    vars_of.rewrite_repaired = rewrite


def _watch_writes(name: str, on_write: Callable[[SimulatedWorker, int], object]) -> None:
    real: Any = vars(Engine)[name]

    def write(self: Engine, *given: Any, **named: Any) -> Any:
        if name == "_write":
            on_write(current_process().owner, given[0][1])
        elif named.get("events_end") is None:
            on_write(current_process().owner, given[1])
        return real(self, *given, **named)

    setattr(Engine, name, write)


def _watch(kind: str, name: str) -> None:
    real: Any = vars(worker)[kind]

    def made(*given: Any) -> Any:
        one = real(*given)
        setattr(current_process().owner, name, one)
        return one

    vars(worker)[kind] = made
