"""The Faust app: what of Faust is used, what is kept away from, and what a failure does."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import faust
import pytest
from faust.tables.recovery import RebalanceAgain
from faust.types import TP
from faust.types.enums import ProcessingGuarantee
from mode.supervisors import CrashingSupervisor

from events.fact import Family
from events.topics import topic_name
from streams.batch_transport import BatchSchema
from tests.support.async_tests import played
from tests.support.group_member import (
    GENERATION,
    build_app,
    consumer_of,
    joined,
    member,
    topic,
)


def app_of() -> faust.App:
    app = build_app()
    consumer_of(app)
    return app


@played
async def test_faust_is_set() -> None:
    expected = {
        # The state needs no more, and Faust's other mode loses counts under kill -9.
        "processing_guarantee": ProcessingGuarantee.AT_LEAST_ONCE,
        # A revocation waits for the batch in flight, and commits it.
        "stream_wait_empty": True,
        # An exception must not restart the agent past its batch.
        "agent_supervisor": CrashingSupervisor,
        # A position that the log has not is looked at, never passed over.
        "consumer_auto_offset_reset": "none",
        # Topics are declared by `smart-region topics apply`, with their replication.
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        # Faust's pages show data.
        "web_enabled": False,
    }
    assert {name: getattr(app_of().conf, name) for name in expected} == expected


@played
async def test_each_family_has_one_agent_for_raw_batches() -> None:
    """Two at once would be two hands on one state; a decoder would acknowledge what it refuses."""
    agents = [cast("Any", agent) for agent in app_of().agents.values()]

    assert {agent.channel.get_topic_name() for agent in agents} == set(map(topic_name, Family))
    assert all(agent.concurrency == 1 for agent in agents)
    assert all(isinstance(agent.channel.schema, BatchSchema) for agent in agents)


@pytest.mark.parametrize("is_early", [True, False])
@played
async def test_the_end_of_another_rebalance_ends_none(*, is_early: bool) -> None:
    """Events that are read then are cleared at the end of the next one, and lost.

    The consumer's thread says that a rebalance begins; the end of the other may come before the
    revocation or after it.
    """
    consumer, _ = await member(topic(Family.GRANTS))
    app = cast("faust.App", consumer.app)
    app.on_rebalance_start()
    if is_early:
        app.on_rebalance_end()
    await consumer.on_partitions_revoked({topic(Family.GRANTS)})
    if not is_early:
        app.on_rebalance_end()

    assert app.rebalancing


@pytest.mark.parametrize("partitions", [set(), {topic(Family.GRANTS)}])
@played
async def test_an_assignment_of_nothing_is_ready(partitions: set[TP]) -> None:
    """Faust seeks nothing for it; where there are partitions, their seek has yet to come."""
    consumer, _ = joined(*partitions)

    await cast("faust.App", consumer.app).on_rebalance_complete.send()

    assert consumer.is_sought(GENERATION) is (not partitions)


@played
async def test_a_step_without_an_answer_begins_again() -> None:
    """Faust would take it for the end of the worker, and never resume its streams."""
    recovery = cast("Any", app_of().tables).recovery

    with pytest.raises(RebalanceAgain):
        await recovery._wait(asyncio.Event().wait(), timeout=0.01)

    assert recovery.signal_recovery_start.is_set()
