"""What the demo's worker does for its embedded broker."""

from __future__ import annotations

import asyncio

from simulation.demo.worker import EmbeddedTransport
from tests.support.batch_writing import producing, states, turns


def test_the_last_record_is_sent_alone() -> None:
    """After all others: a recovery that stops at the last batch's base stops after it."""

    async def scene() -> None:
        producer, broker = producing(EmbeddedTransport)
        writing = asyncio.create_task(producer.write_batch("log", 1, states([b"a", b"b"])))
        await turns()
        assert broker.sent == [("log", 1, [b"a"])]
        broker.answers[0].set_result(None)
        await turns()
        assert broker.sent == [("log", 1, [b"a"]), ("log", 1, [b"b"])]
        assert not writing.done()
        broker.answers[1].set_result(None)
        await writing

    asyncio.run(scene())


def test_a_single_record_is_sent_once() -> None:
    """It is alone already."""

    async def scene() -> None:
        producer, broker = producing(EmbeddedTransport)
        writing = asyncio.create_task(producer.write_batch("log", 1, states([b"a"])))
        await turns()
        broker.answers[0].set_result(None)
        await writing
        assert broker.sent == [("log", 1, [b"a"])]

    asyncio.run(scene())


def test_the_producer_is_not_idempotent() -> None:
    """The embedded broker has no idempotent producers; all replicas acknowledge still."""

    async def scene() -> None:
        producer, _ = producing(EmbeddedTransport)
        chosen = producer._settings_extra()
        assert (chosen["acks"], chosen["enable_idempotence"]) == ("all", False)

    asyncio.run(scene())
