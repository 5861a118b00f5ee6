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
from typing import Final, NamedTuple

from boundary.addresses import UnusableAddressError
from boundary.errors import SmartRegionError
from boundary.json_client import NewsAnswer, NewsClient, NoNewsError
from boundary.serving import read_token
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

#: How long a worker waits for a change before it answers that there is none.
WAIT_SECONDS: Final = 5
#: How much longer than the wait an answer may take.
ANSWER_SECONDS: Final = 5.0
#: A worker that does not answer for this long has nothing new: otherwise it answers at once.
QUIET_SECONDS: Final = 0.2
#: The pause after an answer with changes: no reader judges more often.
BETWEEN_SECONDS: Final = 0.9
RETRY_SECONDS: Final = 1.0
#: How often names are resolved and files read again.
LOOK_UP_SECONDS: Final = 5.0
TICK_SECONDS: Final = 0.5
#: From this age on, no worker answers for a partition: two requests have timed out.
STALE_SECONDS: Final = 2.0 * (WAIT_SECONDS + ANSWER_SECONDS)
POLL_SECONDS: Final = 0.2
CLOSE_SECONDS: Final = 2.0

_PROBLEMS: Final[Mapping[int, str]] = {
    HTTPStatus.NOT_FOUND: "does not serve /histories: it is of an earlier release, or no worker;"
    " upgrade the workers before the processes that ask them",
    HTTPStatus.UNAUTHORIZED: "refuses the token: SMART_REGION_HISTORIES_TOKEN_FILE (without it"
    " SMART_REGION_METRICS_TOKEN_FILE) must hold the worker's",
    HTTPStatus.FORBIDDEN: "tells other machines no histories without a token: set"
    " SMART_REGION_HISTORIES_TOKEN_FILE for it, and for this process",
    HTTPStatus.SERVICE_UNAVAILABLE: "has too many requests that wait: fewer may ask it",
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


class _Outcome(NamedTuple):
    """The outcome of a request: a problem or None, the next position, and the pause before it."""

    problem: str | None
    position: str | None
    pause: float


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
        #: The result of the last poll, and how many workers might have had changes then.
        self._found = self._received.snapshot()
        self._behind = 0
        self._news = threading.Condition()
        self._changes = 0
        self._failure: BaseException | None = None
        #: By worker: its problem, or None.
        self._problems: Mapping[str, str | None] = {}
        self._stale: frozenset[int] = frozenset()
        #: Workers that may have changes: no request waits at them, or only since a moment ago.
        self._unheard: set[str] = set()
        #: Workers whose first answer is still awaited.
        self._unanswered: set[str] = set()
        self._awaited = 0
        #: By address: a worker, and its number of overdue records.
        self._late: Mapping[str, tuple[str, int]] = {}
        self._overdue = 0
        #: By address: the time of a worker's clock, and when it was received.
        self._clocks: Mapping[str, tuple[datetime, float]] = {}

    @property
    def sums(self) -> DatedSums:
        """The sums that the workers reported."""
        return self._found

    def poll(self) -> int:
        """Wait briefly for a change, and return the number of changes since the last call."""
        with self._news:
            self._news.wait_for(lambda: self._changes or self._failure, POLL_SECONDS)
            changes, self._changes = self._changes, 0
        if self._failure is not None:
            raise self._failure
        self._take()
        return changes

    def _take(self) -> None:
        """Take over the histories received so far."""
        # The order matters: the answers that removed a worker from these sets must be in `_found`.
        self._behind, self._awaited = len(self._unheard), len(self._unanswered)
        # Two addresses may lead to one worker.
        self._overdue = sum(dict(self._late.values()).values())
        self._found = self._received.snapshot()

    def waiting_for(self) -> str | None:
        """Return which histories are missing; None if those of all partitions are there."""
        missing = sorted(set(range(self._plan.partitions)) - self._found.partitions())
        if not missing:
            return None
        listed = ", ".join(map(str, missing))
        problems = [f"; {who}: {problem}" for who, problem in self._problems.items() if problem]
        return f"the histories of partitions {listed}{''.join(sorted(problems))}"

    def lag(self) -> int:
        """Return how many workers may have changes; 0 while a request waits at each of them.

        Workers themselves expose how many events they have to process.
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
        return {
            url: read + timedelta(seconds=now - received_at)
            for url, (read, received_at) in self._clocks.items()
        }

    def unknown(self) -> Mapping[Term, str]:
        """Return the terms that some worker does not know, with the worker's address."""
        return self._found.unknown()

    async def follow(self, stopping: asyncio.Event) -> None:
        """Query all workers until `stopping` is set."""
        asking: dict[WorkerTarget, asyncio.Task[None]] = {}
        looked_up_at: float | None = None
        async with NewsClient(tls=self._plan.tls, plain_http=self._plan.plain_http) as client:
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
        """Make the next `poll` raise an error of the following thread."""
        with self._news:
            self._failure = error
            self._news.notify_all()

    async def _look_up(
        self, client: NewsClient, asking: dict[WorkerTarget, asyncio.Task[None]]
    ) -> None:
        """Start to query new workers, and stop querying those that are gone."""
        try:
            targets = await asyncio.to_thread(self._plan.addresses.targets)
        except WorkersUnknownError as error:
            self._note("SMART_REGION_WORKERS", str(error))
            return
        self._note("SMART_REGION_WORKERS", None)
        for target in asking.keys() - targets:
            asking.pop(target).cancel()
            self._forget_worker(target.url)
            self._problems = {who: one for who, one in self._problems.items() if who != target.url}
        for target in targets - asking.keys():
            asking[target] = asyncio.create_task(self._follow_worker(client, target))
        for task in asking.values():
            if task.done() and not task.cancelled():
                task.result()  # Raises: a task ends only by an error.

    async def _follow_worker(self, client: NewsClient, target: WorkerTarget) -> None:
        position: str | None = None
        self._unheard.add(target.url)
        self._unanswered.add(target.url)
        while True:
            problem, position, pause = await self._ask(client, target, position)
            self._note(target.url, problem)
            await asyncio.sleep(pause)

    async def _ask(
        self, client: NewsClient, target: WorkerTarget, position: str | None
    ) -> _Outcome:
        quiet = asyncio.get_running_loop().call_later(
            QUIET_SECONDS, self._unheard.discard, target.url if position else ""
        )
        query = {"wait": str(WAIT_SECONDS)} | ({} if position is None else {"since": position})
        try:
            async with client.get(
                target.url + PATH,
                query=query,
                seconds=WAIT_SECONDS + ANSWER_SECONDS,
                token=None if self._plan.token_file is None else read_token(self._plan.token_file),
                server_name=target.server_name,
            ) as answer:
                told = await _decoded(answer)
            return self._taken(told, target, position)
        except (NoNewsError, UnusableAddressError, SmartRegionError) as error:
            self._forget_worker(target.url)
            return _Outcome(str(error), position, RETRY_SECONDS)
        except AnswerUnreadableError as error:
            self._forget_worker(target.url)
            problem = f"answers something else than histories ({error})"
            return _Outcome(problem, None, LOOK_UP_SECONDS)
        except _RefusedError as error:
            self._forget_worker(target.url)
            return _Outcome(str(error), None, RETRY_SECONDS)
        finally:
            quiet.cancel()

    def _taken(
        self, answer: HistoriesAnswer, target: WorkerTarget, position: str | None
    ) -> _Outcome:
        head = answer.head
        if head.partitions_expected != self._plan.partitions:
            raise _RefusedError(
                f"has {head.partitions_expected} partitions, and this process"
                f" {self._plan.partitions}: give both the same SMART_REGION_PARTITIONS"
            )
        self._late = {**self._late, target.url: (head.worker, head.overdue or 0)}
        if head.now is not None:
            self._clocks = {**self._clocks, target.url: (head.now, self._timer())}
        applied = self._received.apply(answer, target.url, self._timer())
        if applied.changes:
            self._tell(applied.changes)
        problem = None if head.waiting_for is None else f"waits for {head.waiting_for}"
        if not applied.is_enough:
            return _Outcome(problem, None, TICK_SECONDS / 10)
        self._unanswered.discard(target.url)
        waited = head.position == position
        if waited:
            self._unheard.discard(target.url)
        else:
            self._unheard.add(target.url)
        return _Outcome(problem, head.position, 0.0 if waited else BETWEEN_SECONDS)

    def _forget_worker(self, url: str) -> None:
        """Expect nothing from an unreachable worker: another one has or gets its partitions."""
        self._unheard.discard(url)
        self._unanswered.discard(url)
        self._late = {who: late for who, late in self._late.items() if who != url}

    def _tell(self, changes: int) -> None:
        with self._news:
            self._changes += changes
            self._news.notify_all()

    def _note(self, who: str, problem: str | None) -> None:
        if problem != self._problems.get(who):
            if problem is None:
                logger.info("answers again: %s", who)
            else:
                logger.warning("no histories: %s: %s", who, problem)
        self._problems = {**self._problems, who: problem}

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
                "nobody answers for partitions=%s: their last histories are used up to %.0f s",
                ",".join(map(str, sorted(stale))),
                hold,
            )
        self._stale = stale
        forgotten = self._received.forget(now - hold)
        if forgotten:
            logger.error(
                "histories withheld: nobody has answered for %.0f s for partitions=%s",
                hold,
                ",".join(map(str, forgotten)),
            )
            self._tell(len(forgotten))


class _RefusedError(Exception):
    """A worker's answer cannot be used."""


async def _decoded(answer: NewsAnswer) -> HistoriesAnswer:
    if answer.status != HTTPStatus.OK:
        raise _RefusedError(_PROBLEMS.get(answer.status, f"answers {answer.status}"))
    reader = AnswerReader()
    async for line in answer.lines:
        reader.feed(line)
    return reader.whole()


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
