"""A Kafka cluster in memory: the answers of its nodes to each request of the protocol."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Iterator, Mapping
from contextvars import copy_context
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from aiokafka.protocol.admin import ApiVersionRequest
from aiokafka.protocol.commit import OffsetCommitRequest, OffsetFetchRequest
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.group import (
    HeartbeatRequest,
    JoinGroupRequest,
    LeaveGroupRequest,
    SyncGroupRequest,
)
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import InitProducerIdRequest

from tests.simulation import codes
from tests.simulation.group import ConsumerGroup, Joined
from tests.simulation.loop import Process, SimulationLoop
from tests.simulation.network import Network
from tests.simulation.partition_log import Appended, PartitionLog, header_of

#: The wall clock at the virtual time 0: 2020-06-01.
EPOCH_SECONDS: Final = 1_590_969_600.0

_EARLIEST, _LATEST = -2, -1
#: A request begins with its key, version, correlation, and the length of the client's name.
_HEADER: Final = struct.Struct(">hhih")

_REQUESTS: Final = (
    ProduceRequest,
    FetchRequest,
    OffsetRequest,
    MetadataRequest,
    OffsetCommitRequest,
    OffsetFetchRequest,
    FindCoordinatorRequest,
    JoinGroupRequest,
    HeartbeatRequest,
    LeaveGroupRequest,
    SyncGroupRequest,
    InitProducerIdRequest,
)
#: By API key: the newest version that the client supports; no other is offered.
_STRUCTS: Final[Mapping[int, Any]] = {one.API_KEY: one._CLASSES[-1] for one in _REQUESTS}
_API_VERSIONS: Final = [(key, one.API_VERSION, one.API_VERSION) for key, one in _STRUCTS.items()]


@dataclass(frozen=True, slots=True)
class Fate:
    """How a request is treated."""

    arrives: bool = True
    is_answered: bool = True
    late_seconds: float = 0.0
    """How long it stays in transit, or in the queue of the broker."""


AS_USUAL: Final = Fate()


class _Connection(asyncio.Protocol):
    """A connection to a node, which answers requests one after the other, as Kafka does."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._buffer = bytearray()
        self._frames: list[bytes] = []
        self._is_busy = False
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= 4:
            (size,) = struct.unpack_from(">i", self._buffer)
            if len(self._buffer) < size + 4:
                break
            self._frames.append(bytes(self._buffer[4 : size + 4]))
            del self._buffer[: size + 4]
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's name
        self._frames.clear()

    @property
    def client(self) -> Process:
        """The process at the other end."""
        process: Process = self._transport.peer.process
        return process

    @property
    def is_open(self) -> bool:
        """True unless the client has closed the connection."""
        return not self._transport.peer.is_closing()

    def _next(self) -> None:
        while self._frames and not self._is_busy:
            frame = self._frames.pop(0)
            self._is_busy = True
            self._node.handle(frame, self)

    def answer(self, data: bytes | None) -> None:
        """Answer the current request; None closes the connection instead."""
        self._is_busy = False
        if data is None:
            self._transport.close()
            self._frames.clear()
            return
        self._transport.write(struct.pack(">i", len(data)) + data)
        self._next()


class Node:
    """A broker of the cluster."""

    def __init__(self, cluster: Cluster, number: int) -> None:
        self.cluster = cluster
        self.id = number
        self.host, self.port = f"node{number}", 9092
        self.process = Process(f"node-{number}")
        self.is_up = False
        #: Whether the client still waits for the answer to the current request.
        self._is_awaited = True
        #: The process that sent the current request.
        self._sender: Process = self.process
        self._handlers: dict[int, Callable[[Any, str], Any]] = {
            FetchRequest.API_KEY: self._fetch,
            ProduceRequest.API_KEY: self._produce,
            OffsetRequest.API_KEY: self._list_offsets,
            MetadataRequest.API_KEY: self._metadata,
            OffsetCommitRequest.API_KEY: self._commit,
            OffsetFetchRequest.API_KEY: self._fetch_offsets,
            FindCoordinatorRequest.API_KEY: self._find_coordinator,
            JoinGroupRequest.API_KEY: self._join,
            SyncGroupRequest.API_KEY: self._sync,
            HeartbeatRequest.API_KEY: self._heartbeat,
            LeaveGroupRequest.API_KEY: self._leave,
            InitProducerIdRequest.API_KEY: self._init_producer,
        }

    def start(self) -> None:
        """Accept connections."""
        self.is_up = True
        context = copy_context()
        self.cluster.loop.in_process(self.process, context)
        self.cluster.network.listen(
            self.host, self.port, self.process, context, lambda: _Connection(self)
        )

    def stop(self) -> None:
        """Refuse connections, and close those that are open."""
        self.is_up = False
        self.cluster.network.unlisten(self.host, self.port)
        for end in self.cluster.network.connections(self.process):
            end.reset()

    # -- requests

    def handle(self, frame: bytes, connection: _Connection) -> None:
        """Answer a request, now or later."""
        key, version, correlation, length = _HEADER.unpack_from(frame)
        begin = _HEADER.size + length
        client = frame[_HEADER.size : begin].decode()
        if key == ApiVersionRequest.API_KEY:
            struct_type: Any = ApiVersionRequest._CLASSES[version]
            versions = [(ApiVersionRequest.API_KEY, 0, 2), *_API_VERSIONS]
            answer = struct_type.RESPONSE_TYPE(0, versions)
            connection.answer(_encoded(correlation, answer))
            return
        struct_type = _STRUCTS[key]
        request = struct_type.decode(frame[begin:])
        fate = self.cluster.fate_of(key, connection.client)
        if not fate.arrives:
            connection.answer(None)
            return

        def finish(values: Any) -> None:
            response = struct_type.RESPONSE_TYPE(*values)
            connection.answer(_encoded(correlation, response) if fate.is_answered else None)

        def process() -> None:
            self._is_awaited, self._sender = connection.is_open, connection.client
            result = self._handlers[key](request, client)
            if asyncio.isfuture(result):
                result.add_done_callback(lambda done: finish(done.result()))
            else:
                finish(result)

        def process_late() -> None:
            # Even if the client has left meanwhile.
            self.cluster.late_requests -= 1
            if self.is_up:
                process()

        if fate.late_seconds:
            self.cluster.late_requests += 1
            self.cluster.loop.call_later(fate.late_seconds, process_late)
        else:
            process()

    def _metadata(self, request: Any, _: str) -> Any:
        cluster = self.cluster
        brokers = [(one.id, one.host, one.port, None) for one in cluster.nodes if one.is_up]
        names = list(cluster.topics) if request.topics is None else request.topics
        topics: list[Any] = []
        for name in names:
            if name not in cluster.topics:
                topics.append((codes.UNKNOWN_TOPIC, name, False, []))
                continue
            replicas, in_sync = [one.id for one in cluster.nodes], [one[0] for one in brokers]
            described: list[Any] = []
            for one in cluster.topics[name]:
                is_led = cluster.nodes[one.leader].is_up
                error = 0 if is_led else codes.LEADER_NOT_AVAILABLE
                leader = one.leader if is_led else -1
                described.append((error, one.number, leader, replicas, in_sync, []))
            topics.append((0, name, False, described))
        return 0, brokers, "simulation", 0, topics

    def _leading(self, topic: str, number: int) -> PartitionLog | int:
        """Return the log of a partition that this node leads, or an error code."""
        partitions = self.cluster.topics.get(topic)
        if partitions is None or number >= len(partitions):
            return codes.UNKNOWN_TOPIC
        found = partitions[number]
        return found if found.leader == self.id else codes.NOT_LEADER

    def _produce(self, request: Any, _: str) -> Any:
        now_ms = self.cluster.now_ms()
        topics = []
        for name, partitions in request.topics:
            answers = []
            for number, data in partitions:
                log = self._leading(name, number)
                if isinstance(log, int):
                    answers.append((number, log, -1, -1, -1))
                    continue
                error = self.cluster.write_errors.get(name, 0)
                if error and error != codes.NOT_ENOUGH_REPLICAS_AFTER_APPEND:
                    answers.append((number, error, -1, -1, log.start))
                    continue
                done = log.append(data, now_ms=now_ms)
                if error:
                    done = Appended(error)
                appended_ms = -1 if done.error else now_ms
                answers.append((number, done.error, done.offset, appended_ms, log.start))
                self.cluster.note(
                    f"append {name}[{number}]@{done.offset} records={header_of(data).records}"
                    f" error={done.error}"
                )
            topics.append((name, answers))
        return topics, 0

    def _fetch(self, request: Any, _: str) -> Any:
        loop = self.cluster.loop
        response, size, logs = self._read(request)
        if size >= request.min_bytes or request.max_wait_time <= 0:
            return response
        answer = loop.create_future()
        waiter: asyncio.Future[None] = loop.create_future()
        for log in logs:
            log.wait(waiter)

        def finish(_: object = None) -> None:
            if not answer.done():
                timer.cancel()
                answer.set_result(self._read(request)[0])

        timer = loop.call_later(request.max_wait_time / 1000, finish)
        waiter.add_done_callback(finish)
        return answer

    def _read(self, request: Any) -> tuple[Any, int, list[PartitionLog]]:
        size = 0
        logs: list[PartitionLog] = []
        topics: list[Any] = []
        for name, partitions in request.topics:
            answers: list[Any] = []
            for number, _, offset, _, most in partitions:
                log = self.cluster.read_errors.get(name) or self._leading(name, number)
                if isinstance(log, int):
                    answers.append((number, log, -1, -1, -1, [], -1, b""))
                    size += 1
                    continue
                logs.append(log)
                end = log.high_watermark
                if offset < log.start or offset > log.end:
                    error = codes.OFFSET_OUT_OF_RANGE
                    answers.append((number, error, -1, -1, -1, None, -1, b""))
                    size += 1
                    continue
                data = log.read(offset, most_bytes=most)
                if data:
                    data = self.cluster.altered(log, offset, data)
                size += len(data)
                answers.append((number, 0, end, end, log.start, None, -1, data))
            topics.append((name, answers))
        return (0, 0, 0, topics), size, logs

    def _list_offsets(self, request: Any, _: str) -> Any:
        topics = []
        for name, partitions in request.topics:
            answers = []
            for number, timestamp in partitions:
                log = self.cluster.read_errors.get(name) or self._leading(name, number)
                if isinstance(log, int):
                    answers.append((number, log, -1, -1))
                elif timestamp == _EARLIEST:
                    answers.append((number, 0, -1, log.start))
                elif log.is_catching_up:
                    # KIP-207, for versions of the request before 5.
                    answers.append((number, codes.LEADER_NOT_AVAILABLE, -1, -1))
                else:
                    answers.append((number, 0, -1, log.high_watermark))
            topics.append((name, answers))
        return 0, topics

    def _init_producer(self, _: Any, __: str) -> Any:
        self.cluster.producers += 1
        return 0, 0, self.cluster.producers, 0

    # -- groups

    def _find_coordinator(self, _: Any, __: str) -> Any:
        found = self.cluster.nodes[self.cluster.coordinator]
        if not found.is_up:
            return 0, codes.COORDINATOR_NOT_AVAILABLE, None, -1, "", -1
        return 0, 0, None, found.id, found.host, found.port

    def _coordinating(self) -> int:
        if self.cluster.group_error:
            return self.cluster.group_error
        if self.cluster.coordinator != self.id:
            return codes.NOT_COORDINATOR
        return codes.COORDINATOR_LOADING if self.cluster.is_loading else 0

    def _join(self, request: Any, client: str) -> Any:
        error = self._coordinating()
        if error:
            return 0, error, -1, "", "", request.member_id, []
        sender = self._sender
        joined = self.cluster.group(request.group).join(
            request.member_id,
            client,
            tuple((name, metadata) for name, metadata in request.group_protocols),
            request.session_timeout / 1000,
            request.rebalance_timeout / 1000,
        )

        def answer(one: Joined) -> Any:
            if not one.error:
                self.cluster.senders[one.member] = sender
            return (0, *one)

        return _then(joined, answer)

    def _sync(self, request: Any, _: str) -> Any:
        error = self._coordinating()
        if error:
            return 0, error, b""
        synced = self.cluster.group(request.group).sync(
            request.member_id, request.generation_id, list(request.group_assignment)
        )
        sender = self._sender

        def answer(one: tuple[int, bytes]) -> Any:
            if not one[0]:
                self.cluster.expired.pop(sender, None)
                self.cluster.assigned[sender] = request.member_id
            return (0, *one)

        return _then(synced, answer)

    def _heartbeat(self, request: Any, _: str) -> Any:
        error = self._coordinating() or self.cluster.group(request.group).heartbeat(
            request.member_id, request.generation_id
        )
        return 0, error

    def _leave(self, request: Any, _: str) -> Any:
        error = self._coordinating() or self.cluster.group(request.group).leave(request.member_id)
        return 0, error

    def _commit(self, request: Any, _: str) -> Any:
        group = self.cluster.group(request.consumer_group)
        error = (
            self._coordinating()
            or self.cluster.commit_error()
            or group.commit_error(request.consumer_id, request.consumer_group_generation_id)
        )
        topics = []
        for name, partitions in request.topics:
            for number, offset, metadata in partitions:
                before, _ = group.offsets.get((name, number), (0, ""))
                if not error:
                    group.offsets[name, number] = (offset, metadata)
                    if offset < before:
                        self.cluster.went_back.add((name, number))
                    highest = max(before, self.cluster.overtaken.pop((name, number), 0))
                    # A loss was accepted, and the rest of the log is processed again.
                    has_lost = name in self.cluster.topics and bool(
                        self.cluster.topics[name][number].lost
                    )
                    if offset < before and self._is_awaited and not has_lost:
                        self.cluster.set_back.append(
                            f"the committed offset of {name}[{number}] went from {before} back"
                            f" to {offset}"
                        )
                    elif offset < highest and not self._is_awaited:
                        self.cluster.overtaken[name, number] = highest
                self.cluster.note(f"commit {name}[{number}]@{offset} error={error}")
            topics.append((name, [(number, error) for number, _, _ in partitions]))
        return 0, topics

    def _fetch_offsets(self, request: Any, _: str) -> Any:
        error = self._coordinating()
        group = self.cluster.group(request.consumer_group)

        def found(topic: str, number: int) -> tuple[int, int, str, int]:
            return number, *group.offsets.get((topic, number), (-1, "")), error

        topics = [
            (name, [found(name, number) for number in partitions])
            for name, partitions in request.topics
        ]
        return 0, topics, error


class Cluster:
    """Nodes, topics and groups, with hooks for faults."""

    def __init__(
        self, loop: SimulationLoop, network: Network, chance: Random, *, nodes: int
    ) -> None:
        self.loop = loop
        self.network = network
        self.chance = chance
        self.nodes = [Node(self, number) for number in range(nodes)]
        self.topics: dict[str, list[PartitionLog]] = {}
        #: How often each topic was created again.
        self.identities: dict[str, int] = {}
        self.groups: dict[str, ConsumerGroup] = {}
        self.coordinator = 0
        self.is_loading = False
        self.producers = 0
        #: The number of late requests that are still to be processed.
        self.late_requests = 0
        self.group_initial_delay = 0.0
        #: The fate of a process's request, by its API key: see `RequestFaults`.
        self.fate_of: Callable[[int, Process], Fate] = lambda _, __: AS_USUAL
        #: The error code with which the coordinator refuses a commit; 0 for none.
        self.commit_error: Callable[[], int] = lambda: 0
        #: How a partition's batches from an offset on are altered in transit.
        self.altered: Callable[[PartitionLog, int, bytes], bytes] = lambda _, __, data: data
        #: By topic: the error codes of writes, and of reads.
        self.write_errors: dict[str, int] = {}
        self.read_errors: dict[str, int] = {}
        #: The error code of every request of a group's member to its coordinator; 0 for none.
        self.group_error = 0
        #: Commits that moved an offset back, while their client awaited the answer: a request that
        #: its client has given up may arrive after the next one.
        self.set_back: list[str] = []
        #: The partitions whose committed offset ever moved back.
        self.went_back: set[tuple[str, int]] = set()
        #: The committed offset before a late request moved it back: the worker does not notice,
        #: and commits again with its next event.
        self.overtaken: dict[tuple[str, int], int] = {}
        #: By member id: the process that joined with it.
        self.senders: dict[str, Process] = {}
        #: By process: its member when it was last assigned partitions.
        self.assigned: dict[Process, str] = {}
        #: By process without an assignment since then: when its session expired.
        self.expired: dict[Process, float] = {}
        #: Called with a line for the log of the run.
        self.note: Callable[[str], object] = lambda _: None
        for node in self.nodes:
            node.start()

    @property
    def bootstrap(self) -> str:
        """The bootstrap addresses for clients."""
        return ",".join(f"{one.host}:{one.port}" for one in self.nodes)

    def create_topic(self, name: str, partitions: int) -> None:
        """Create a topic whose leaders are spread over the nodes."""
        self.topics[name] = [
            PartitionLog(name, number, leader=self.chance.randrange(len(self.nodes)))
            for number in range(partitions)
        ]

    def create_again(self, name: str) -> None:
        """Delete a topic and create it again, empty and with another identity."""
        self.identities[name] = self.identities.get(name, 0) + 1
        before = self.topics[name]
        self.topics[name] = [PartitionLog(name, one.number, leader=one.leader) for one in before]
        for old, new in zip(before, self.topics[name], strict=True):
            new.lost = [*old.lost, *old.batches]

    def group(self, name: str) -> ConsumerGroup:
        """Return a group; create it if necessary."""
        if name not in self.groups:
            self.groups[name] = ConsumerGroup(
                self.loop, initial_delay=self.group_initial_delay, on_expiry=self._expire
            )
        return self.groups[name]

    def _expire(self, member: str) -> None:
        # A member whose join was never answered, or was replaced by another, owns nothing.
        sender = self.senders.get(member)
        if sender is not None and self.assigned.get(sender, member) == member:
            self.expired[sender] = self.loop.time()

    def now_ms(self) -> int:
        """Return the wall clock of the nodes, in milliseconds."""
        return int((EPOCH_SECONDS + self.loop.time()) * 1000)

    def logs(self) -> Iterator[PartitionLog]:
        """Yield the log of every partition."""
        for partitions in self.topics.values():
            yield from partitions

    def move_coordinator(self, node: int) -> None:
        """Let another node coordinate the groups, once it has loaded them."""
        self.coordinator = node
        self.is_loading = True
        for group in self.groups.values():
            group.resign()

    def finish_loading(self) -> None:
        """End the loading of groups: each member gets a full session again."""
        self.is_loading = False
        for group in self.groups.values():
            group.restart_sessions()


def _then(future: asyncio.Future[Any], convert: Callable[[Any], Any]) -> asyncio.Future[Any]:
    result = future.get_loop().create_future()
    future.add_done_callback(
        lambda done: result.set_result(convert(done.result())) if not result.done() else None
    )
    return result


def _encoded(correlation: int, response: Any) -> bytes:
    return struct.pack(">i", correlation) + bytes(response.encode())
