"""Replacements for the machine in a simulated process: clock, threads, ports, exit.

They are patched into the whole interpreter and never undone: each run of the simulation has its
own process.
"""

from __future__ import annotations

import asyncio
import gc
import ssl
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextvars import copy_context
from functools import cache
from itertools import count
from types import FunctionType
from typing import Any, Final, NoReturn, Self

import aiohappyeyeballs
import anyio.to_thread
import mode.threads
from aiokafka.cluster import ClusterMetadata
from aiokafka.producer.message_accumulator import BatchBuilder
from faust.channels import Channel
from faust.utils import terminal
from mode import Service
from uvicorn.protocols.http.h11_impl import H11Protocol

from boundary import web
from broker.offset_gaps import LeaderEpoch, OffsetGap
from broker.topic_admin import SeenTopic
from events import cloudevent
from events.topics import FAMILIES
from streams import app, batch_transport, partition_snapshots, worker
from streams.decisions import AcceptedLosses, Decisions
from streams.topic_watch import TopicWatch
from tests.simulation.cluster import EPOCH_SECONDS, Cluster
from tests.simulation.loop import Process, SimulationLoop, current_process

#: Shorter than the shipped one, like all times of the simulation.
LOG_INTERVAL_SECONDS: Final = 2.0
SNAPSHOT_SECONDS: Final = 1.0
_CLOCKS: Final = (time.monotonic, time.perf_counter, time.time)


class ProcessEndedError(BaseException):
    """Leaves the code of a process that has just ended itself."""


def install(
    loop: SimulationLoop,
    cluster: Cluster,
    *,
    on_exit: Callable[[Process, int], None],
    accepted: Callable[[], AcceptedLosses],
) -> None:
    """Replace the machine's time, threads and network by simulated ones.

    `on_exit` is called when a process ends itself, with its status; `accepted` has the losses that
    the operator has accepted.
    """
    vars(cloudevent)["_read_structured"] = remembered
    # A run needs no garbage collection and no TLS.
    gc.collect = gc.freeze = lambda *_: 0  # type: ignore[assignment]
    vars(ssl)["create_default_context"] = lambda *_, **__: None
    # Faust renders tables for log lines that are never written.
    terminal.logtable = lambda *_, **__: ""
    _replace_clocks(loop)
    _replace_threads(loop)
    _replace_server(loop)
    for kind in (Service, Channel):
        _number(kind)

    def leave(status: int) -> NoReturn:
        process = current_process()
        loop.kill(process)
        on_exit(process, status)
        raise ProcessEndedError

    brokers = ClusterMetadata.brokers
    # Before Python 3.12 the hash of None, and so the order of a set, depends on its address.
    ClusterMetadata.brokers = lambda self: sorted(brokers(self), key=lambda one: one.nodeId)
    worker._exit = leave
    # The admin client of kafka-python has its own thread and sockets.
    TopicWatch._describe = _describing(cluster)  # type: ignore[method-assign, assignment]
    vars(app)["topic_ids"] = lambda _: {
        name: str(cluster.identities.get(name, 0)) for name in cluster.topics
    }
    vars(partition_snapshots)["SECONDS"] = SNAPSHOT_SECONDS
    vars(worker)["read_decisions"] = lambda *_, **__: Decisions(losses=accepted())
    vars(worker)["LOG_INTERVAL_SECONDS"] = LOG_INTERVAL_SECONDS
    _report_gaps_to_each_process()


_events: Final[dict[str | bytes, Any]] = {}
_read_structured: Final = cloudevent._read_structured


def remembered(text: str | bytes) -> Any:
    """Return the parsed text of a valid event, cached because it is needed often."""
    try:
        return _events[text]
    except KeyError:
        found = _events[text] = _read_structured(text)
        return found


def _report_gaps_to_each_process() -> None:
    real: Any = vars(batch_transport)["report_gaps_with_aiokafka"]
    reports: dict[Process, Callable[[OffsetGap], None]] = {}
    leader_reports: dict[Process, Callable[[LeaderEpoch], None]] = {}

    def report_to_reader(gap: OffsetGap) -> None:
        reports[current_process()](gap)

    def report_leader_to_reader(leader: LeaderEpoch) -> None:
        leader_reports[current_process()](leader)

    def report_to_own(
        topics: Collection[str],
        report: Callable[[OffsetGap], None],
        report_leader: Callable[[LeaderEpoch], None],
    ) -> None:
        reports[current_process()] = report
        leader_reports[current_process()] = report_leader
        real(topics, report_to_reader, report_leader_to_reader)

    vars(batch_transport)["report_gaps_with_aiokafka"] = report_to_own


def _number(kind: Any) -> None:
    """Make each object's hash its number in this run, so that sets have the same order."""
    numbers = count(1)

    def number(self: Any) -> int:
        found: int | None = vars(self).get("_number_in_run")
        if found is None:
            found = vars(self)["_number_in_run"] = next(numbers)
        return found

    kind.__hash__ = number


def _describing(cluster: Cluster) -> Callable[[TopicWatch], tuple[Mapping[str, SeenTopic], None]]:
    """Return a function that describes the topics, but not the group."""

    def describe(_: TopicWatch) -> tuple[Mapping[str, SeenTopic], None]:
        return {
            name: SeenTopic(str(cluster.identities.get(name, 0)), len(cluster.topics[name]))
            for name in FAMILIES
        }, None

    return describe


def _replace_clocks(loop: SimulationLoop) -> None:
    def monotonic() -> float:
        return loop.time()

    def wall() -> float:
        return EPOCH_SECONDS + loop.time() + current_process().clock_offset

    replaced: Mapping[int, Callable[[], float]] = {
        id(time.monotonic): monotonic,
        id(time.perf_counter): monotonic,
        id(time.time): wall,
    }
    for names, name in names_of_clocks():
        names[name] = replaced[id(names[name])]
    append = BatchBuilder.append

    def append_now(self: Any, *, timestamp: int | None, **record: Any) -> Any:
        # The builder in C reads the machine's clock, and a record's size depends on its time.
        return append(
            self, timestamp=int(wall() * 1000) if timestamp is None else timestamp, **record
        )

    BatchBuilder.append = append_now
    for one in functions_with_clocks():
        if one.__defaults__ is not None:
            one.__defaults__ = tuple(replaced.get(id(value), value) for value in one.__defaults__)
        if one.__kwdefaults__ is not None:
            _replace_values(one.__kwdefaults__, replaced)


@cache
def names_of_clocks() -> Sequence[tuple[dict[str, Any], str]]:
    """Return all names in modules that refer to a clock."""
    return [
        (vars(module), name)
        for module in [*sys.modules.values()]
        if module.__name__ != __name__
        for name, value in vars(module).items()
        if any(value is clock for clock in _CLOCKS)
    ]


@cache
def functions_with_clocks() -> Sequence[FunctionType]:
    """Return the functions with a clock as default of a parameter; call before `gc.freeze`."""
    return [
        one
        for one in gc.get_objects()
        if isinstance(one, FunctionType)
        and any(
            value is clock
            for value in (*(one.__defaults__ or ()), *(one.__kwdefaults__ or {}).values())
            for clock in _CLOCKS
        )
    ]


def _replace_values(names: dict[str, Any], replaced: Mapping[int, object]) -> None:
    for name, value in [*names.items()]:
        if id(value) in replaced:
            names[name] = replaced[id(value)]


class _TaskInsteadOfThread:
    """A service's thread, as a task of the one loop."""

    def __init__(self, service: Any) -> None:
        self._service = service

    def start(self) -> None:
        self._task = self._service.parent_loop.create_task(self._service._serve())

    def stop(self) -> None:
        """Do nothing: the caller has already waited for the service to end."""


def _replace_threads(loop: SimulationLoop) -> None:
    async def leave_others(_: object) -> None:
        """Cancel nothing: the other tasks of this loop are not the thread's."""

    async def call_here(
        function: Callable[..., Any],
        *arguments: Any,
        **named: Any,
    ) -> Any:
        await asyncio.sleep(0)
        return function(*arguments, **named)

    thread: Any = mode.threads.ServiceThread
    thread.Worker = _TaskInsteadOfThread
    thread._gather_remaining_tasks = leave_others
    asyncio.new_event_loop = lambda: loop
    asyncio.to_thread = call_here  # type: ignore[assignment]
    vars(anyio.to_thread)["run_sync"] = lambda function, *arguments, **_: call_here(
        function, *arguments
    )


class Listening:
    """What `web_server.listen` and `create_server` return, as far as uvicorn uses them."""

    def __init__(self, loop: SimulationLoop, host: str, port: int) -> None:
        self._loop, self.address = loop, (host, port)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def getsockname(self) -> tuple[str, int]:
        """Return the address on which it listens."""
        return self.address

    def close(self) -> None:
        """Refuse connections from now on."""
        self._loop.network.unlisten(*self.address)

    async def wait_closed(self) -> None:
        """Return at once."""


def _replace_server(loop: SimulationLoop) -> None:
    async def create_server(factory: Callable[[], Any], *, sock: Listening, **_: Any) -> Listening:
        loop.network.listen(*sock.address, current_process(), copy_context(), factory)
        return sock

    async def start_connection(addr_infos: Any, **_: Any) -> tuple[str, int]:
        host, port, *_rest = addr_infos[0][-1]
        return host, port

    vars(web)["listen"] = lambda host, port, **_: Listening(loop, host, port)
    vars(aiohappyeyeballs)["start_connection"] = start_connection
    _number(H11Protocol)
    loop.create_server = create_server  # type: ignore[method-assign, assignment]
    loop.add_signal_handler = lambda number, callback, *_: current_process().signals.update(  # type: ignore[method-assign]
        {number: callback}
    )
