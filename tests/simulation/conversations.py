"""Sequences of client requests: a real Kafka must answer them as the simulated broker does.

`python -m tests.simulation.conversations` prints the simulated broker's answers, as JSON. Names
and times that differ from run to run are left out.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from random import Random
from typing import Any, Final, NamedTuple, TypeAlias

from aiokafka.conn import AIOKafkaConnection, create_conn
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
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from tests.simulation import codes
from tests.simulation.cluster import Cluster
from tests.simulation.loop import SimulationLoop
from tests.simulation.network import Network

TOPIC: Final = "conversations"
"""Has one partition, no record, and times of appending."""
_UNKNOWN_TOPIC: Final = "unheard-of"
#: How long a request may take, and the pause between two polls for a change, in seconds.
_ANSWER_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.05
#: As Kafka's clients set them, except the session of the silent member.
_SESSION_MS, _REBALANCE_MS, _SHORT_SESSION_MS = 10_000, 10_000, 1_000
_PROTOCOL, _OTHER_PROTOCOL = b"how", b"how else"

Step: TypeAlias = tuple[str, object]
"""What was requested, and the part of the answer that counts."""
Conversation: TypeAlias = Callable[["Kafka"], AsyncIterator[Step]]
#: By name, in order: later conversations find the records of earlier ones.
CONVERSATIONS: Final[dict[str, Conversation]] = {}


def _conversation(talk: Conversation) -> Conversation:
    CONVERSATIONS[talk.__name__.strip("_")] = talk
    return talk


class Client(NamedTuple):
    """A connection to a broker, on which one request after the other is answered."""

    connection: AIOKafkaConnection

    async def ask(self, request: Any) -> Any:
        """Send a request, and return its answer. Raises RequestTimedOutError."""
        return await self.connection.send(_Prepared(request))


class _Prepared(NamedTuple):
    """A request of a fixed version, regardless of the broker's choice."""

    request: Any

    def prepare(self, _: object) -> Any:
        """Return it; called by aiokafka."""
        return self.request


class Kafka:
    """A broker that clients can connect to, and the group that they use."""

    def __init__(self, host: str, port: int, group: str) -> None:
        self.group = group
        self._address = (host, port)
        self._clients: list[Client] = []

    async def be_ready(self) -> None:
        """Wait until the topic has a leader, the group a coordinator, and producers get ids.

        A broker that has just started, or just created a topic, is slower than the simulated one.
        """
        client = await self.client()

        async def topic_error() -> int:
            answer = await client.ask(OffsetRequest._CLASSES[-1](-1, 0, [(TOPIC, [(0, -1)])]))
            return int(answer.topics[0][1][0][1])

        assert await _until(topic_error, codes.NONE) == codes.NONE
        for request in (
            FindCoordinatorRequest._CLASSES[-1](self.group, 0),
            OffsetFetchRequest._CLASSES[-1](self.group, []),
            InitProducerIdRequest._CLASSES[-1](None, 60_000),
        ):

            async def error(request: Any = request) -> int:
                return int((await client.ask(request)).error_code)

            assert await _until(error, codes.NONE) == codes.NONE, request

    async def client(self) -> Client:
        """Return a new client."""
        milliseconds = int(_ANSWER_SECONDS * 1000)
        client = Client(await create_conn(*self._address, request_timeout_ms=milliseconds))
        self._clients.append(client)
        return client

    async def stranger(self, *, session_ms: int = _SESSION_MS) -> _Member:
        """Return a client without a member id in the group."""
        return _Member(await self.client(), self.group, session_ms)

    async def member(self, *, session_ms: int = _SESSION_MS) -> _Member:
        """Return a future member, with a member id from the coordinator."""
        member = await self.stranger(session_ms=session_ms)
        given = await member.join()
        assert given.error_code == codes.MEMBER_ID_REQUIRED, given
        member.id = given.member_id
        return member

    def close(self) -> None:
        """End all connections."""
        for client in self._clients:
            client.connection.close()


class _Member:
    """A client of a group."""

    def __init__(self, client: Client, group: str, session_ms: int) -> None:
        self.client = client
        self.id = ""
        self.protocol = _PROTOCOL
        self._group = group
        self._session_ms = session_ms

    async def join(self) -> Any:
        return await self.client.ask(
            JoinGroupRequest._CLASSES[-1](
                self._group,
                self._session_ms,
                _REBALANCE_MS,
                self.id,
                None,
                "consumer",
                [("range", self.protocol)],
            )
        )

    async def sync(self, generation: int, given: Mapping[str, bytes] | None = None) -> Any:
        return await self.client.ask(
            SyncGroupRequest._CLASSES[-1](
                self._group, generation, self.id, None, [*(given or {}).items()]
            )
        )

    async def heartbeat(self, generation: int) -> int:
        answer = await self.client.ask(
            HeartbeatRequest._CLASSES[-1](self._group, generation, self.id)
        )
        return int(answer.error_code)

    async def commit(self, generation: int, offset: int) -> int:
        answer = await self.client.ask(
            OffsetCommitRequest._CLASSES[-1](
                self._group, generation, self.id, -1, [(TOPIC, [(0, offset, "note")])]
            )
        )
        return int(answer.topics[0][1][0][1])

    async def committed(self) -> Step:
        answer = await self.client.ask(OffsetFetchRequest._CLASSES[-1](self._group, [(TOPIC, [0])]))
        return "committed", (answer.error_code, answer.topics[0][1][0][1:])

    async def leave(self) -> int:
        answer = await self.client.ask(LeaveGroupRequest._CLASSES[-1](self._group, self.id))
        return int(answer.error_code)

    def joined(self, answer: Any) -> object:
        """Return the part of an answer to `join` that counts: of members, their metadata."""
        return (
            answer.error_code,
            answer.generation_id,
            answer.group_protocol,
            answer.leader_id == self.id,
            answer.member_id == self.id,
            sorted(bytes(one[2]).decode() for one in answer.members),
        )


def _synced(answer: Any) -> object:
    return answer.error_code, bytes(answer.member_assignment).decode()


async def _share(first: _Member, second: _Member) -> None:
    """Let two members share a group in its generation 2, led by the first."""
    await first.join()
    await first.sync(1, {first.id: b"all"})
    joining = asyncio.ensure_future(second.join())
    await _until(lambda: first.heartbeat(1), codes.REBALANCE_IN_PROGRESS)
    await first.join()
    await joining
    syncing = asyncio.ensure_future(second.sync(2))
    await first.sync(2, {first.id: b"this", second.id: b"that"})
    await syncing


async def _until(ask: Callable[[], Any], expected: int) -> int:
    """Repeat a request until it returns the error code, at most for the time of an answer."""
    loop = asyncio.get_running_loop()
    end = loop.time() + _ANSWER_SECONDS
    while True:
        found = int(await ask())
        if found == expected or loop.time() > end:
            return found
        await asyncio.sleep(_POLL_SECONDS)


# -- groups


@_conversation
async def _a_member_alone(kafka: Kafka) -> AsyncIterator[Step]:
    nobody = await kafka.stranger()
    yield await nobody.committed()
    yield "commit without a generation, in a group without members", await nobody.commit(-1, 3)
    yield await nobody.committed()
    nobody.id = "made up"
    yield "join with a name that was not given", nobody.joined(await nobody.join())
    yield "leave with such a name", await nobody.leave()
    yield "heartbeat with such a name", await nobody.heartbeat(1)

    member = await kafka.member()
    yield "heartbeat before the join", await member.heartbeat(1)
    yield "join", member.joined(await member.join())
    yield "commit before the sync", await member.commit(1, 4)
    yield "heartbeat before the sync", await member.heartbeat(1)
    yield "join again before the sync", member.joined(await member.join())
    yield "sync of another generation", _synced(await member.sync(2, {member.id: b"all"}))
    yield "sync", _synced(await member.sync(1, {member.id: b"all"}))
    yield "sync again", _synced(await member.sync(1))
    yield "heartbeat", await member.heartbeat(1)
    yield "heartbeat of the generation before", await member.heartbeat(0)
    yield "heartbeat of the generation to come", await member.heartbeat(2)
    yield "commit", await member.commit(1, 5)
    yield "commit of the generation before", await member.commit(0, 6)
    yield "commit of the generation to come", await member.commit(2, 6)
    yield "commit lower than before", await member.commit(1, 2)
    yield "commit by a stranger", await nobody.commit(1, 7)
    nobody.id = ""
    yield "commit without a generation, in a group with members", await nobody.commit(-1, 8)
    yield await member.committed()
    yield "the leader joins again", member.joined(await member.join())
    yield "sync of the new generation", _synced(await member.sync(2, {member.id: b"all"}))
    yield "leave", await member.leave()
    yield "leave again", await member.leave()
    yield "commit after the leave", await member.commit(2, 9)
    yield await member.committed()


@_conversation
async def _a_second_member(kafka: Kafka) -> AsyncIterator[Step]:
    first, second = await kafka.member(), await kafka.member()
    second.protocol = _OTHER_PROTOCOL
    yield "the first joins", first.joined(await first.join())
    yield "the first syncs", _synced(await first.sync(1, {first.id: b"all"}))

    joining = asyncio.ensure_future(second.join())
    yield (
        "heartbeat during a rebalance",
        await _until(lambda: first.heartbeat(1), codes.REBALANCE_IN_PROGRESS),
    )
    yield "commit during a rebalance", await first.commit(1, 5)
    yield "sync during a rebalance", _synced(await first.sync(1))
    yield "the second waits", not joining.done()
    yield "the first joins again", first.joined(await first.join())
    yield "the second has joined", second.joined(await joining)

    syncing = asyncio.ensure_future(second.sync(2))
    yield "commit before the sync", await first.commit(2, 6)
    yield "commit of the generation before", await first.commit(1, 6)
    yield "the second waits for the leader's sync", not syncing.done()
    given = {first.id: b"this", second.id: b"that"}
    yield "the leader syncs", _synced(await first.sync(2, given))
    yield "the second has its part", _synced(await syncing)
    yield "a follower joins again", second.joined(await second.join())
    yield "nothing begins anew by that", await first.heartbeat(2)

    yield "the follower leaves", await second.leave()
    yield "heartbeat after that", await first.heartbeat(2)
    yield "heartbeat of who has left", await second.heartbeat(2)
    yield "alone again", first.joined(await first.join())
    yield "the sync of one", _synced(await first.sync(3, {first.id: b"all"}))
    yield await first.committed()


@_conversation
async def _a_follower_with_another_subscription(kafka: Kafka) -> AsyncIterator[Step]:
    first, second = await kafka.member(), await kafka.member()
    await _share(first, second)

    second.protocol = _OTHER_PROTOCOL
    joining = asyncio.ensure_future(second.join())
    yield "all join again", await _until(lambda: first.heartbeat(2), codes.REBALANCE_IN_PROGRESS)
    yield "the leader has", first.joined(await first.join())
    yield "the follower has", second.joined(await joining)
    syncing = asyncio.ensure_future(second.sync(3))
    await asyncio.sleep(_POLL_SECONDS)
    joining = asyncio.ensure_future(first.join())
    yield "a sync that a rebalance meets", _synced(await syncing)
    yield "the follower joins for it", second.joined(await second.join())
    yield "and the leader", first.joined(await joining)


@_conversation
async def _a_member_that_says_nothing(kafka: Kafka) -> AsyncIterator[Step]:
    first = await kafka.member()
    second = await kafka.member(session_ms=_SHORT_SESSION_MS)
    await _share(first, second)
    yield "its session ends", await _until(lambda: first.heartbeat(2), codes.REBALANCE_IN_PROGRESS)
    yield "its heartbeat comes too late", await second.heartbeat(2)
    yield "its commit", await second.commit(2, 1)
    yield "its sync", _synced(await second.sync(2))
    yield "its join by the old name", second.joined(await second.join())
    yield "the other is alone", first.joined(await first.join())


# -- logs


def _batch(
    values: list[bytes], *, producer: int = -1, epoch: int = -1, sequence: int = -1
) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=0,
        producer_id=producer,
        producer_epoch=epoch,
        base_sequence=sequence,
        batch_size=1 << 20,
    )
    for number, value in enumerate(values):
        builder.append(number, timestamp=0, key=b"key", value=value, headers=[])
    return bytes(builder.build())


async def _produce(client: Client, data: bytes, *, topic: str = TOPIC) -> object:
    """Return the error, the first offset, whether a time was set, and the log's start."""
    request = ProduceRequest._CLASSES[-1](None, -1, 5000, [(topic, [(0, data)])])
    answer = (await client.ask(request)).topics[0][1][0]
    return answer[1], answer[2], answer[3] > 0, answer[4]


async def _fetch(client: Client, offset: int, *, topic: str = TOPIC, most: int = 1 << 20) -> object:
    """Return the error, both ends, the log's start, and the offsets of the batches."""
    request = FetchRequest._CLASSES[-1](
        *(-1, 0, 1, 1 << 20, 0, 0, -1),
        [(topic, [(0, -1, offset, -1, most)])],
        *([], ""),
    )
    answer = await client.ask(request)
    _, error, end, stable, start, aborted, _, data = answer.topics[0][1][0]
    firsts, at = [], 0
    while at + 12 <= len(data or b""):
        first, size = struct.unpack_from(">qi", data, at)
        firsts.append(first)
        at += 12 + size
    return answer.error_code, error, end, stable, start, aborted, firsts


async def _offset(client: Client, timestamp: int, *, topic: str = TOPIC) -> tuple[int, ...]:
    request = OffsetRequest._CLASSES[-1](-1, 0, [(topic, [(0, timestamp)])])
    _, *found = (await client.ask(request)).topics[0][1][0]
    return tuple(found)


@_conversation
async def _an_idempotent_producer(kafka: Kafka) -> AsyncIterator[Step]:
    client = await kafka.client()

    async def named() -> tuple[int, Step]:
        answer = await client.ask(InitProducerIdRequest._CLASSES[-1](None, 60_000))
        return answer.producer_id, ("a name", (answer.error_code, answer.producer_epoch))

    async def send(sequence: int, *, count: int = 1, epoch: int = 0) -> object:
        values = [b"%d" % number for number in range(count)]
        data = _batch(values, producer=producer, epoch=epoch, sequence=sequence)
        return await _produce(client, data)

    producer, step = await named()
    yield step
    yield "the first batch", await send(0, count=2)
    yield "the same again", await send(0, count=2)
    yield "the next", await send(2)
    yield "one that leaves one out", await send(4)
    yield "a part of the first", await send(1)
    yield "the first, after others", await send(0, count=2)
    for sequence in range(3, 8):
        yield f"batch {sequence}", await send(sequence)
    yield "the oldest that is remembered", await send(3)
    yield "one that is not", await send(2)
    yield "the one to come", await send(8)
    yield "a later epoch begins at 0", await send(0, epoch=1)
    yield "the epoch before", await send(9)
    producer, step = await named()
    yield step
    yield "a producer that the log does not know begins anywhere", await send(7)
    yield "and goes on", await send(8)


@_conversation
async def _a_reader(kafka: Kafka) -> AsyncIterator[Step]:
    client = await kafka.client()
    yield "the earliest offset", await _offset(client, -2)
    yield "the end", await _offset(client, -1)
    yield "a batch", await _produce(client, _batch([b"a", b"b", b"c"]))
    yield "another", await _produce(client, _batch([b"d"]))
    _, _, end = found = await _offset(client, -1)
    yield "the end now", found
    yield "from the beginning", await _fetch(client, 0)
    yield "from the middle of a batch", await _fetch(client, end - 2)
    yield "one batch at least", await _fetch(client, 0, most=1)
    yield "from the end", await _fetch(client, end)
    yield "from behind the end", await _fetch(client, 1_000)
    yield "from before the beginning", await _fetch(client, -5)


@_conversation
async def _what_is_not_there(kafka: Kafka) -> AsyncIterator[Step]:
    client = await kafka.client()
    topic = _UNKNOWN_TOPIC
    yield "produce", await _produce(client, _batch([b"a"]), topic=topic)
    yield "fetch", await _fetch(client, 0, topic=topic)
    yield "the end", await _offset(client, -1, topic=topic)
    nothing_is_created = False
    answer = await client.ask(MetadataRequest._CLASSES[-1]([topic, TOPIC], nothing_is_created))
    yield (
        "metadata",
        [
            (error, name, internal, [(one[0], one[1], one[2] >= 0) for one in partitions])
            for error, name, internal, partitions in sorted(answer.topics)
        ],
    )
    answer = await client.ask(FindCoordinatorRequest._CLASSES[-1](kafka.group, 0))
    yield "a coordinator", (answer.error_code, answer.coordinator_id >= 0, answer.port > 0)
    answer = await client.ask(OffsetFetchRequest._CLASSES[-1](kafka.group, [(topic, [0])]))
    yield "offsets of a group that nobody is in", (answer.error_code, answer.topics)


# -- the answers


async def answers_to(name: str, host: str, port: int) -> list[Step]:
    """Return what a broker answers in a conversation."""
    kafka = Kafka(host, port, name)
    try:
        await kafka.be_ready()
        return [step async for step in CONVERSATIONS[name](kafka)]
    finally:
        kafka.close()


def _simulated_answers() -> Mapping[str, list[Step]]:
    """Return the answers of the simulated broker; its loop needs a separate process."""
    loop = SimulationLoop(Random(1))
    asyncio.set_event_loop(loop)
    loop.network = network = Network(loop, Random(2))
    cluster = Cluster(loop, network, Random(3), nodes=1)
    cluster.create_topic(TOPIC, 1)
    (node,) = cluster.nodes
    return {
        name: loop.run_until_complete(answers_to(name, node.host, node.port))
        for name in CONVERSATIONS
    }


if __name__ == "__main__":
    json.dump(_simulated_answers(), sys.stdout, indent=1)
