"""One run: a cluster, workers and a producer, faults from a seed, and a final judgement."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache, partial
from random import Random
from typing import Any, Final

from catalogue.loader import load_catalogue
from events.dead_letter_policy import DEAD_LETTER_POLICY
from events.fact import Family
from events.producers.model import load_producers
from events.record_rules import RecordRules
from events.topics import declared_topics
from streams import dead_letters
from streams.app import create_app
from streams.decisions import AcceptedLoss
from streams.engine import Engine
from streams.histories import histories_of
from streams.settings import Settings, load_settings
from tests.simulation import probes, stand_ins
from tests.simulation.accepting import Operator
from tests.simulation.cluster import Cluster
from tests.simulation.faults import Fault
from tests.simulation.gateway_producers import (
    Deliveries,
    GatewayProducer,
    credentials_of,
    gateway_problems,
    producer_of,
)
from tests.simulation.injection import Injection
from tests.simulation.letters_oracle import gateway_letter_problems
from tests.simulation.loop import Process, SimulationLoop, StuckError
from tests.simulation.mutations import MUTATIONS
from tests.simulation.network import Network
from tests.simulation.oracle import (
    Completeness,
    Ownership,
    foreign_states,
    judge,
    shown_losses,
    shown_unheard,
    waiting_for,
)
from tests.simulation.outcomes_oracle import Outcomes
from tests.simulation.process_faults import Parties
from tests.simulation.programs import SimulatedGateway, SimulatedWorker, watch_programs
from tests.simulation.reading import Reader, address_of, explained_in
from tests.simulation.records import Fates, Sent, pool
from tests.simulation.sequences import planned_faults
from tests.simulation.snapshot_folders import SnapshotFolders
from tests.simulation.stand_ins import LOG_INTERVAL_SECONDS
from tests.simulation.traffic import Traffic, chosen

APP_ID: Final = "simulated"
AS_OF: Final = date(2020, 12, 31)
RECORDS, WORKERS, NODES, FAULTS = 1000, 3, 3, 20
#: The share of the records that is sent to the gateway.
GATEWAY_SHARE: Final = 0.1
#: The share of the runs in which workers keep snapshots.
SNAPSHOTS_SHARE: Final = 1 / 3
#: Records are sent, and faults happen, until then; the run must recover within SETTLE_SECONDS.
TRAFFIC_SECONDS: Final = 10.0
SETTLE_SECONDS: Final = 25.0
#: Later if offsets were committed within PROGRESS_SECONDS, up to LONGEST_SETTLE_SECONDS.
PROGRESS_SECONDS, LONGEST_SETTLE_SECONDS = 5.0, 240.0
#: The workers' times, shorter than the shipped ones, because a run is short.
SESSION_SECONDS, HEARTBEAT_SECONDS, REQUEST_SECONDS = 2.4, 0.4, 3.2
SELF_CHECK_SECONDS: Final = 4.0
#: How long a reader may take to fetch what the workers serve.
READ_SECONDS: Final = 8.0
CHECK_SECONDS: Final = 0.25
#: The longest time for which a worker's threads may block each other; a run uses one of these.
LONGEST_TURNS: Final = (0.0, 0.001, 0.03, 0.15)
#: A live member must join again within this time: it waits for the broker's answers to the batches
#: in process and to its commit, each for at most a request's timeout. A paused member expires
#: after a session.
LONGEST_REBALANCE_SECONDS: Final = 4 * REQUEST_SECONDS + SESSION_SECONDS


@dataclass(frozen=True, slots=True)
class Plan:
    """The parameters of a run; by default all follow from the seed."""

    seed: int
    faults: tuple[Fault, ...] | None = None
    mutation: str | None = None
    """The rule of the product that is switched off, by its name in `MUTATIONS`."""
    snapshots: bool | None = None
    """Whether the workers keep snapshots of partitions."""

    @property
    def has_snapshots(self) -> bool:
        """Whether they do: in a third of the seeds, unless `snapshots` is set."""
        by_seed = Random(f"snapshots {self.seed}").random() < SNAPSHOTS_SHARE
        return by_seed if self.snapshots is None else self.snapshots


@dataclass
class Outcome:
    """The result of a run, which is right if it has no problems."""

    seed: int
    faults: tuple[Fault, ...] = ()
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0
    """Virtual seconds."""
    digest: str = ""
    """The digest of the log of everything that happened."""
    log: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)
    """How often the state of each probe was reached."""

    @property
    def summary(self) -> dict[str, object]:
        """The part of it that is written to the results."""
        names = ("seed", "problems", "digest", "seconds", "reached")
        return {**{name: getattr(self, name) for name in names}, **self.counts}


@cache
def _catalogue() -> Any:
    return load_catalogue(None)


@cache
def _producers() -> Any:
    return load_producers(None)


@cache
def _settings() -> Settings:
    return load_settings()


@cache
def _rules() -> RecordRules:
    return _settings().record_rules()


def warm_up() -> None:
    """Load what all runs share: done once, before the runs are forked."""
    for records in pool().values():
        for one in records:
            stand_ins.remembered(one.value or b"")
    # Modules that a worker loads late, with its app.
    settings = _settings()
    engine = Engine(
        _catalogue(),
        settings.make_clock(),
        partitions=settings.partitions,
        rules=_rules(),
    )
    create_app(settings, engine, on_failure=lambda _: None).finalize()
    credentials_of(_producers())
    stand_ins.functions_with_clocks()
    stand_ins.names_of_clocks()


def run(plan: Plan) -> Outcome:
    """Carry out a run in this process, which can run nothing else afterwards."""
    outcome = Outcome(plan.seed)
    random.seed(plan.seed)
    chance = Random(plan.seed)
    loop = SimulationLoop(Random(chance.random()))
    loop.longest_turn = Random(f"turns {plan.seed}").choice(LONGEST_TURNS)
    # In half of the runs, batches have enough refusals to be summarized.
    most = Random(f"letters {plan.seed}").choice((1, DEAD_LETTER_POLICY.max_single))
    vars(dead_letters)["DEAD_LETTER_POLICY"] = replace(DEAD_LETTER_POLICY, max_single=most)
    if plan.mutation is not None:
        MUTATIONS[plan.mutation]()
    probes.watch(outcome.reached)
    world = _World(loop, plan, chance, outcome)
    asyncio.set_event_loop(loop)
    logging.disable(logging.CRITICAL)
    try:
        loop.run_until_complete(world.run())
    except StuckError as error:
        outcome.problems.append(f"stuck: {error}")
    except Exception:  # noqa: BLE001 - a fault of the simulation itself is reported as such
        outcome.problems.append(f"simulation: {traceback.format_exc()}")
    if world.snapshots is not None:
        world.snapshots.remove()  # The process ends without running finalizers.
    outcome.seconds = loop.time()
    outcome.digest = hashlib.sha256("\n".join(outcome.log).encode()).hexdigest()[:16]
    return outcome


class _World:
    """Everything that exists in a run."""

    def __init__(self, loop: SimulationLoop, plan: Plan, chance: Random, outcome: Outcome) -> None:
        self.loop = loop
        self.plan = plan
        self.chance = chance
        self.outcome = outcome
        self.partitions = chance.choice((2, 3))
        loop.network = self.network = Network(loop, Random(chance.random()))
        self.cluster = Cluster(loop, self.network, Random(chance.random()), nodes=NODES)
        self.cluster.group_initial_delay = chance.choice((0.0, 0.5, 3.0))
        self.cluster.note = self.note
        for spec in declared_topics(partitions=self.partitions, replication=1):
            self.cluster.create_topic(spec.name, spec.partitions)
        stand_ins.install(
            loop,
            self.cluster,
            on_exit=lambda process, status: process.owner.on_exit(status),
            accepted=lambda: self.operator.accepted,
        )
        self.snapshots = SnapshotFolders(plan.seed) if plan.has_snapshots else None
        watch_programs()
        self.workers: list[SimulatedWorker] = []
        self._supervisors: list[asyncio.Task[None]] = []
        #: When the last additional worker leaves, in virtual seconds.
        self._last_leave = 0.0
        self._ownership = Ownership(SESSION_SECONDS)
        self._accepted: dict[tuple[str, int], list[AcceptedLoss]] = {}
        self._completeness = Completeness(self.cluster, APP_ID, _rules(), self._accepted)
        self.reader = Reader(loop, _catalogue(), self.workers, self.partitions)
        self.gateway = SimulatedGateway(
            bootstrap=self.cluster.bootstrap,
            producers=_producers(),
            secrets=credentials_of(_producers())[0],
            loop=loop,
            note=self.note,
        )
        self.operator = Operator(
            self.cluster,
            self.workers,
            app_id=APP_ID,
            chance=Random(f"operator {plan.seed}"),
            accepted=self._accepted,
            on_accepted=self._completeness.forget,
        )
        self.deliveries = Deliveries()
        self.producers = Process("producers")
        self.records = chosen(pool(), Random(f"records {plan.seed}"), count=RECORDS)
        self.fates = Fates(self.records)
        self.outcomes = Outcomes(self.fates, self.cluster, self._accepted)
        self.outcomes.watch()

    def note(self, text: str) -> None:
        """Add a line to the log of the run."""
        self.outcome.log.append(f"{self.loop.time():9.4f} {text}")

    def settings(self, number: int) -> Settings:
        """Return the settings of a worker."""
        # A copy, because reading them takes longer than a worker's start.
        return _settings().model_copy(
            update={
                "broker": self.cluster.bootstrap,
                "partitions": self.partitions,
                "replication": 1,
                "app_id": APP_ID,
                "http_host": address_of(number),
                "http_port": 6066,
                "clock": AS_OF.isoformat(),
                "session_timeout": SESSION_SECONDS,
                "heartbeat_interval": HEARTBEAT_SECONDS,
                "request_timeout": REQUEST_SECONDS,
                "commit_interval": self.chance.choice((0.05, 0.3, 1.0)),
                "max_poll_records": self.chance.choice((20, 200, 8000)),
                "stall_timeout": 16.0,
                # Longer than a run may take to recover.
                "ready_timeout": 60.0,
                "snapshots": self.snapshots.of(number) if self.snapshots else None,
                "self_check_interval": SELF_CHECK_SECONDS,
            }
        )

    def add_worker(self) -> SimulatedWorker:
        """Add a worker, which starts at once."""
        number = len(self.workers)
        worker = SimulatedWorker(
            f"worker-{number}",
            self.settings(number),
            loop=self.loop,
            catalogue=_catalogue(),
            producers=_producers(),
            rules=_rules(),
            note=self.note,
            committed=lambda: {
                place: offset for place, (offset, _) in self.cluster.group(APP_ID).offsets.items()
            },
        )
        worker.snapshots = self.snapshots
        self.workers.append(worker)
        self._supervisors.append(self.loop.create_task(worker.supervise()))
        return worker

    def join(self, seconds: float, is_killed: bool) -> None:  # noqa: FBT001 - of one caller
        """Add a worker, which leaves after some time."""
        worker = self.add_worker()
        self._last_leave = max(self._last_leave, self.loop.time() + seconds)

        def leave() -> None:
            worker.is_wanted = False
            if is_killed:
                worker.kill()
            else:
                worker.terminate()
                self.loop.call_later(10.0, worker.kill)

        self.loop.call_later(seconds, leave)

    async def run(self) -> None:
        """Carry out the run, and judge it."""
        for _ in range(WORKERS):
            self.add_worker()
        regular = self.workers[:WORKERS]
        self._supervisors.append(self.loop.create_task(self.gateway.supervise()))
        # Always drawn, so that a run with fewer faults is otherwise the same.
        planned = planned_faults(
            Random(self.chance.random()), most=FAULTS, begin=0.5, end=TRAFFIC_SECONDS
        )
        faults = tuple(planned) if self.plan.faults is None else self.plan.faults
        self.outcome.faults = faults
        parties = Parties(regular, self.gateway, self.reader.process, self.producers)
        injection = Injection(
            self.cluster, parties, join=self.join, erase=self.operator.erase, note=self.note
        )
        injection.schedule(list(faults))
        direct = self._send_to_gateway(self.records)
        traffic = Traffic(self.cluster, Random(self.chance.random()), partitions=self.partitions)
        sending = self.loop.spawn(
            Process("producer"), lambda: traffic.send(direct, seconds=TRAFFIC_SECONDS)
        )
        watching = self.loop.create_task(self._watch_ownership(injection))
        operating = self.loop.create_task(self.operator.watch())
        await asyncio.sleep(TRAFFIC_SECONDS + 2)
        self.note("all faults end")
        injection.heal()
        await sending
        self.note(f"sent failed={traffic.failed}")
        await self._judge(traffic)
        watching.cancel()
        operating.cancel()

    def _send_to_gateway(self, messages: Sequence[Sent]) -> Sequence[Sent]:
        """Begin to send some of the messages to the gateway; return the others."""
        chance = Random(self.chance.random())
        direct: list[Sent] = []
        values: dict[str, list[bytes]] = {}
        for message in messages:
            if chance.random() < GATEWAY_SHARE and message.fits_a_request:
                producer = producer_of(_producers(), message)
                values.setdefault(producer, []).append(message.value or b"")
            else:
                direct.append(message)
        _, credentials = credentials_of(_producers())
        for producer, theirs in values.items():
            self.deliveries.pending += len(theirs)
            sender = GatewayProducer(
                producer,
                credentials[producer],
                self.deliveries,
                loop=self.loop,
                chance=Random(chance.random()),
            )
            self.loop.spawn(self.producers, partial(sender.send, theirs, seconds=TRAFFIC_SECONDS))
        return direct

    async def _judge(self, traffic: Traffic) -> None:
        """Judge the figures of the workers, then those of a reader."""
        outcome, healed = self.outcome, self.loop.time()
        unsettled = await self._settle()
        if unsettled:
            outcome.problems.append(
                f"at the end: not settled after {self.loop.time() - healed:.0f} s: {unsettled}"
            )
            return
        self.note("settled at the end")
        found = judge(
            self.cluster,
            self.workers,
            traffic,
            _rules(),
            fates=self.fates,
            outcomes=self.outcomes,
        )
        outcome.problems += found.problems
        lost_in = {one[:2] for one in found.lost}
        self.deliveries.accepted[:] = [
            (value, receipt)
            for value, receipt in self.deliveries.accepted
            if (receipt.topic, receipt.partition) not in lost_in
        ]
        outcome.problems += gateway_problems(self.deliveries, found.stored, _producers())
        outcome.problems += gateway_letter_problems(found.letters, self.records)
        outcome.counts = found.counts
        outcome.counts["receipts"] = len(self.deliveries.accepted)
        outcome.counts["accepted losses"] = len(self.operator.accepted)
        self.note(f"judged {dict(found.counts)}")
        if outcome.problems:
            return
        read_by = self.loop.time() + READ_SECONDS
        histories = histories_of(found.sums(_catalogue()), _catalogue())
        explanations = {
            one
            for (family, _), states in found.expected.items()
            if family is Family.EXPLANATIONS
            for one in explained_in(states)
        }
        while reason := self.reader.waiting_for(histories, explanations):
            if self.loop.time() > read_by:
                outcome.problems.append(reason)
                return
            await asyncio.sleep(CHECK_SECONDS)
        self.note("judged histories")

    async def _settle(self) -> str:
        """Wait until everything is done; return what is still missing after SETTLE_SECONDS.

        On a slow network, processing records singly takes longer: it waits while offsets are being
        committed.
        """
        healed = progress_at = self.loop.time()
        committed = 0

        def unsettled() -> str:
            if self.loop.time() < healed + LOG_INTERVAL_SECONDS + 1.0:
                return "workers have to look at the logs"
            if self.deliveries.pending:
                return f"{self.deliveries.pending} events have no answer of the gateway"
            if self.loop.time() < self.network.last_arrival:
                return "delayed messages are under way"
            return waiting_for(
                self.cluster, self.workers, app_id=APP_ID, partitions=self.partitions
            )

        while reason := unsettled():
            now = self.loop.time()
            offsets = sum(offset for offset, _ in self.cluster.group(APP_ID).offsets.values())
            begin = max(healed, self.operator.acted_at, self._last_leave)
            if offsets != committed:
                committed, progress_at = offsets, now
            if now > min(
                max(begin + SETTLE_SECONDS, progress_at + PROGRESS_SECONDS),
                begin + LONGEST_SETTLE_SECONDS,
            ):
                return reason
            await asyncio.sleep(0.5)
        return ""

    async def _watch_ownership(self, injection: Injection) -> None:
        problems: dict[str, None] = {}
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            now = self.loop.time()
            for one in (
                *self._ownership.problems(self.workers, now),
                *self._completeness.problems(self.workers),
                *shown_losses(self.workers, injection.lost, self._accepted, now),
                *foreign_states(self.workers),
                *self.reader.problems(),
                *self.cluster.set_back,
                *shown_unheard(self.cluster, self.workers),
                *self._long_rebalances(),
                *self.operator.problems,
            ):
                if one not in problems:
                    problems[one] = None
                    self.outcome.problems.append(one)

    def _long_rebalances(self) -> Iterator[str]:
        for seconds in self.cluster.group(APP_ID).waits:
            if seconds > LONGEST_REBALANCE_SECONDS:
                yield f"a rebalance waited {seconds:.1f} s for a member"
