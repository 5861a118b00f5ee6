"""The collector: requests the histories of all partitions from the workers, and keeps them."""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from time import monotonic
from typing import Final

from boundary.addresses import UnusableAddressError
from boundary.errors import SmartRegionError
from boundary.serving import read_token
from boundary.streaming_client import NoResponseError, StreamingClient
from catalogue.model import Catalogue
from catalogue.terms import Term
from streams.dated_sums import DatedSums
from streams.queries.addresses import WorkerAddresses, WorkersUnknownError, WorkerTarget
from streams.queries.format import (
    PATH,
    AnswerReader,
    AnswerUnreadableError,
    HistoriesAnswer,
)
from streams.queries.received import ReceivedHistories

logger = logging.getLogger(__name__)

#: The pause between two requests to a worker.
POLL_SECONDS: Final = 1.0
#: How long an answer may take: the first one may be large.
ANSWER_SECONDS: Final = 9.0
#: How often names are resolved again.
LOOK_UP_SECONDS: Final = 5.0
TICK_SECONDS: Final = 0.5
#: From this age on, a partition counts as unanswered: two requests have timed out.
STALE_SECONDS: Final = 2.0 * (POLL_SECONDS + ANSWER_SECONDS)
WAIT_SECONDS: Final = 0.2
CLOSE_SECONDS: Final = 2.0

_PROBLEMS: Final[Mapping[int, str]] = {
    HTTPStatus.NOT_FOUND: "does not serve /histories: it is of an earlier release, or no worker;"
    " upgrade the workers before the processes that read from them",
    HTTPStatus.UNAUTHORIZED: "refuses the token: SMART_REGION_HISTORIES_TOKEN_FILE (without it"
    " SMART_REGION_METRICS_TOKEN_FILE) must hold the worker's",
    HTTPStatus.FORBIDDEN: "serves histories to other machines only with a token: set"
    " SMART_REGION_HISTORIES_TOKEN_FILE for it, and for this process",
}


@dataclass(frozen=True, slots=True)
class CollectorPlan:
    """The workers to query, and how."""

    addresses: WorkerAddresses
    partitions: int
    token_file: Path | None = None
    tls: ssl.SSLContext | None = None
    plain_http: bool = False
    """True if a token may cross the network unencrypted."""
    hold_seconds: float = 60.0
    """How long the histories of a partition are used while no worker answers for it."""


@dataclass(slots=True)
class _Worker:
    """What is known of a worker."""

    problem: str | None = None
    is_awaited: bool = True
    """True until it has sent all its histories."""
    is_behind: bool = True
    """Whether it may have more changes: its last answer had some."""
    run: str = ""
    """The random id of its process: two addresses may lead to one worker."""
    overdue: int = 0
    clock: tuple[datetime, float] | None = None
    """The time of its clock, and when it was received."""

    def forget(self) -> None:
        """Expect nothing from an unreachable worker: another one has or will get its partitions."""
        self.is_awaited = self.is_behind = False
        self.overdue = 0


class HistoriesCollector:
    """Follows the workers in its own thread; one other thread may use `poll` and the rest.

    Nothing changes between two polls: a judgement checks what is missing, then reads the sums
    several times.
    """

    def __init__(
        self, catalogue: Catalogue, plan: CollectorPlan, *, timer: Callable[[], float] = monotonic
    ) -> None:
        self._plan = plan
        self._timer = timer
        self._received = ReceivedHistories(catalogue)
        #: By address.
        self._workers: dict[str, _Worker] = {}
        self._look_up_problem: str | None = None
        self._stale: frozenset[int] = frozenset()
        self._news = threading.Condition()
        self._changes = 0
        self._failure: BaseException | None = None
        #: The result of the last poll.
        self._found = self._received.snapshot()
        self._behind = self._awaited = self._overdue = 0

    @property
    def sums(self) -> DatedSums:
        """The sums that the workers reported."""
        return self._found

    def poll(self) -> int:
        """Wait briefly for a change, and return the number of changes since the last call."""
        with self._news:
            self._news.wait_for(lambda: self._changes or self._failure, WAIT_SECONDS)
            changes, self._changes = self._changes, 0
        if self._failure is not None:
            raise self._failure
        self._take()
        return changes

    def _take(self) -> None:
        """Take over the histories received so far."""
        # The order matters: what the counted workers have sent must be in `_found`.
        workers = [*self._workers.values()]
        self._behind = sum(one.is_behind for one in workers)
        self._awaited = sum(one.is_awaited for one in workers)
        self._overdue = sum({one.run: one.overdue for one in workers}.values())
        self._found = self._received.snapshot()

    def waiting_for(self) -> str | None:
        """Return which histories are missing; None if those of all partitions are there."""
        missing = sorted(set(range(self._plan.partitions)) - self._found.partitions())
        if not missing:
            return None
        problems = {url: one.problem for url, one in [*self._workers.items()]}
        problems["SMART_REGION_WORKERS"] = self._look_up_problem
        found = sorted(f"; {who}: {problem}" for who, problem in problems.items() if problem)
        return f"the histories of partitions {', '.join(map(str, missing))}{''.join(found)}"

    def lag(self) -> int:
        """Return how many workers may have changes; 0 once no answer had any.

        Workers themselves expose how many events they have yet to process.
        """
        return self._behind

    def awaited(self) -> int:
        """Return how many workers have not yet sent all their histories to this collector."""
        return self._awaited

    def overdue(self) -> int:
        """Return how many overdue event records the answering workers report."""
        return self._overdue

    def ages(self) -> Mapping[int, float]:
        """Return the seconds since a worker confirmed its histories, by partition."""
        return self._found.ages(self._timer())

    def clocks(self) -> Mapping[str, datetime]:
        """Return the current time of each worker's clock, by address."""
        now = self._timer()
        clocks = {url: one.clock for url, one in [*self._workers.items()]}
        return {
            url: clock[0] + timedelta(seconds=now - clock[1])
            for url, clock in clocks.items()
            if clock is not None
        }

    def unknown(self) -> Mapping[Term, str]:
        """Return the terms that some worker does not know, with the worker's address."""
        return self._found.unknown()

    async def follow(self, stopping: asyncio.Event) -> None:
        """Query all workers until `stopping` is set."""
        asking: dict[WorkerTarget, asyncio.Task[None]] = {}
        looked_up_at: float | None = None
        async with StreamingClient(tls=self._plan.tls, plain_http=self._plan.plain_http) as client:
            try:
                while not stopping.is_set():
                    now = self._timer()
                    if looked_up_at is None or now - looked_up_at >= LOOK_UP_SECONDS:
                        looked_up_at = now
                        await self._look_up(client, asking)
                    self._age()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(stopping.wait(), TICK_SECONDS)
            finally:
                for task in asking.values():
                    task.cancel()
                await asyncio.gather(*asking.values(), return_exceptions=True)

    def fail(self, error: BaseException) -> None:
        """Make the next `poll` raise an error of the thread that follows the workers."""
        with self._news:
            self._failure = error
            self._news.notify_all()

    async def _look_up(
        self, client: StreamingClient, asking: dict[WorkerTarget, asyncio.Task[None]]
    ) -> None:
        """Start to query new workers, and stop querying those that are gone."""
        before = self._look_up_problem
        try:
            targets = await asyncio.to_thread(self._plan.addresses.targets)
            self._look_up_problem = None
        except WorkersUnknownError as error:
            self._look_up_problem = str(error)
        _log_problem("SMART_REGION_WORKERS", before, self._look_up_problem)
        if self._look_up_problem is not None:
            return
        for target in asking.keys() - targets:
            asking.pop(target).cancel()
            self._workers.pop(target.url, None)
        for target in targets - asking.keys():
            worker = self._workers[target.url] = _Worker()
            asking[target] = asyncio.create_task(self._follow_worker(client, target, worker))
        for task in asking.values():
            if task.done() and not task.cancelled():
                task.result()  # Raises: a task ends only by an error.

    async def _follow_worker(
        self, client: StreamingClient, target: WorkerTarget, worker: _Worker
    ) -> None:
        position: str | None = None
        while True:
            before, pause = worker.problem, POLL_SECONDS
            try:
                answer = await self._answer_of(client, target, position)
                worker.problem = _waits_for(answer)
                if self._is_taken(answer, target, worker, position):
                    position = answer.head.position
                else:
                    position, pause = None, 0.0
            except (NoResponseError, UnusableAddressError, SmartRegionError) as error:
                worker.problem = str(error)
                worker.forget()
            except AnswerUnreadableError as error:
                worker.problem = f"answers with something other than histories ({error})"
                worker.forget()
                position, pause = None, LOOK_UP_SECONDS
            _log_problem(target.url, before, worker.problem)
            await asyncio.sleep(pause)

    async def _answer_of(
        self, client: StreamingClient, target: WorkerTarget, position: str | None
    ) -> HistoriesAnswer:
        async with client.get(
            target.url + PATH,
            query={} if position is None else {"since": position},
            seconds=ANSWER_SECONDS,
            token=None if self._plan.token_file is None else read_token(self._plan.token_file),
            server_name=target.server_name,
        ) as answer:
            if answer.status != HTTPStatus.OK:
                raise SmartRegionError(_PROBLEMS.get(answer.status, f"answers {answer.status}"))
            reader = AnswerReader()
            async for line in answer.lines:
                reader.feed(line)
        found = reader.whole()
        if found.head.partitions_expected != self._plan.partitions:
            raise SmartRegionError(
                f"has {found.head.partitions_expected} partitions, and this process"
                f" {self._plan.partitions}: give both the same SMART_REGION_PARTITIONS"
            )
        return found

    def _is_taken(
        self, answer: HistoriesAnswer, target: WorkerTarget, worker: _Worker, position: str | None
    ) -> bool:
        """Take over an answer; return False if it changes histories that are not held."""
        head = answer.head
        worker.run, worker.overdue = head.worker, head.overdue or 0
        if head.now is not None:
            worker.clock = head.now, self._timer()
        applied = self._received.apply(answer, target.url, self._timer())
        if applied.changes:
            self._tell(applied.changes)
        if not applied.is_enough:
            return False
        worker.is_awaited, worker.is_behind = False, head.position != position
        return True

    def _tell(self, changes: int) -> None:
        with self._news:
            self._changes += changes
            self._news.notify_all()

    def _age(self) -> None:
        """Log partitions with old histories, and forget those that are too old."""
        now, hold = self._timer(), self._plan.hold_seconds
        stale = frozenset(
            partition
            for partition, age in self._received.ages(now).items()
            if age > min(STALE_SECONDS, hold / 2)
        )
        if stale - self._stale:
            logger.warning(
                "no worker answers for partitions=%s: their last histories are used up to %.0f s",
                ",".join(map(str, sorted(stale))),
                hold,
            )
        self._stale = stale
        forgotten = self._received.forget(now - hold)
        if forgotten:
            logger.error(
                "histories withheld: no worker has answered for %.0f s for partitions=%s",
                hold,
                ",".join(map(str, forgotten)),
            )
            self._tell(len(forgotten))


def _waits_for(answer: HistoriesAnswer) -> str | None:
    waiting_for = answer.head.waiting_for
    return None if waiting_for is None else f"waits for {waiting_for}"


def _log_problem(who: str, before: str | None, problem: str | None) -> None:
    if problem == before:
        return
    if problem is None:
        logger.info("answers again: %s", who)
    else:
        logger.warning("no histories: %s: %s", who, problem)


@contextmanager
def collecting(catalogue: Catalogue, plan: CollectorPlan) -> Iterator[HistoriesCollector]:
    """Yield a collector whose thread queries the workers until the context ends."""
    collector = HistoriesCollector(catalogue, plan)
    loop, stopping = asyncio.new_event_loop(), asyncio.Event()

    def run() -> None:
        try:
            loop.run_until_complete(collector.follow(stopping))
        except BaseException as error:  # noqa: BLE001 - whoever polls raises it
            collector.fail(error)
        finally:
            loop.close()

    # Name resolution cannot be interrupted: the process does not wait for it.
    thread = threading.Thread(target=run, name="collector", daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(stopping.set)
        thread.join(CLOSE_SECONDS)
