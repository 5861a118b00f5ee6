"""What is compared after a minute: figures, account, receipts, assessor."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from broker.errors import BrokerUnreachableError, TopicsStalledError
from broker.reading import read_topics
from catalogue import metrics
from events.cloudevent import decode_json
from events.errors import ContractError
from tests.chaos.system import System
from tests.chaos.traffic import KafkaTraffic
from tests.support.commands import run
from tests.support.gateway_senders import Position
from tests.support.waiting import wait_until

SETTLED_TRIES: Final = 5
"""How often the audit is asked again that could compare nothing: a rebalance was not over."""
FOLLOW_SECONDS: Final = 60.0
"""How long the assessor has to see what the workers show."""
READ_TRIES: Final = 3
READ_SECONDS: Final = 60.0
"""Of each wait for the brokers, which share two processors with everything else."""
NAMED: Final = 5
"""How many of the differences of one kind are named; the others are counted."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found, by the names that the account has for it."""

    audited: Mapping[str, int] = field(default_factory=dict)
    """How many records since the system's start; nothing where no audit came to its end."""
    compared: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def judge(system: System, traffic: KafkaTraffic, offered: Mapping[str, bytes]) -> Verdict:
    """Compare everything; nothing is sent meanwhile. `offered` are the gateway's events by id."""
    with ThreadPoolExecutor(1) as reading:
        places = reading.submit(_places, system, traffic, offered)
        found = _audited(system)
        wrong = places.result()
    if isinstance(found, str):
        return Verdict(problems=(found, *wrong))
    account, comparison = found["account"], found["comparison"]
    problems = [
        *_few(comparison["differences"]),
        *wrong,
        *_miscounted(system, traffic, offered, account),
        *map(str, system.account.refused),
    ]
    figures: dict[tuple[str, ...], float] = {
        (one["programme"], one["indicator"], one["department"] or metrics.REGION): one["value"]
        for one in found["figures"]
        if one["value"] is not None and one["numerator"] is not None
    }
    if not wait_until(lambda: _assessed(system).items() >= figures.items(), seconds=FOLLOW_SECONDS):
        problems += _few(_assessor_differs(figures, _assessed(system)))
    return Verdict(
        {name: account[name] for name in ("accepted", "refused", "duplicates")},
        {
            "figures": comparison["compared"],
            "assessed": len(figures),
            "places": len(traffic.acknowledged) + len(system.account.receipts),
        },
        tuple(problems),
    )


def _audited(system: System) -> dict[str, Any] | str:
    """Return what `smart-region audit` says, or why it cannot say anything."""
    against = [part for worker in system.workers for part in ("--against", worker.url)]
    said = ""
    for _ in range(SETTLED_TRIES):
        system.wait_ready()
        done = run(system.cluster, "audit", "--json", *against)
        said = f"audit: status {done.returncode}: {done.stderr[-500:]}"
        if done.returncode in (0, 1) and done.stdout:
            found: dict[str, Any] = json.loads(done.stdout)
            if found["comparison"]["compared"]:
                return found
            said = f"audit: compares nothing: {'; '.join(found['comparison']['differences'])}"
    return said


def _miscounted(
    system: System,
    traffic: KafkaTraffic,
    offered: Mapping[str, bytes],
    account: Mapping[str, int],
) -> Iterator[str]:
    accepted = account["accepted"]
    # A batch whose answer was lost may be on the topics without a receipt.
    least, most = traffic.events + len(system.account.receipts), traffic.events + len(offered)
    if not least <= accepted <= most:
        yield f"accepted: {accepted} by the audit, from {least} to {most} were sent"
    if account["refused"] < traffic.invalid:
        yield f"refused: {account['refused']} by the audit, {traffic.invalid} invalid were sent"


def _places(system: System, traffic: KafkaTraffic, offered: Mapping[str, bytes]) -> list[str]:
    for _ in range(READ_TRIES - 1):
        with suppress(BrokerUnreachableError, TopicsStalledError):
            return _places_once(system, traffic, offered)
    return _places_once(system, traffic, offered)


def _places_once(system: System, traffic: KafkaTraffic, offered: Mapping[str, bytes]) -> list[str]:
    receipts: dict[Position, str] = {at: name for name, at in system.account.receipts.items()}
    found: dict[Position, bytes | None] = {}
    wrong: dict[Position, str] = dict.fromkeys(traffic.acknowledged, "is not there")
    for record in read_topics(system.cluster.bootstrap, wait_seconds=READ_SECONDS):
        position = (record.topic, record.partition, record.offset)
        if position in receipts:
            found[position] = record.value
        if traffic.acknowledged.get(position) == hash(record.value):
            del wrong[position]
        elif position in wrong:
            wrong[position] = "is another record"
    lines = [f"acknowledged {'/'.join(map(str, at))}: {what}" for at, what in wrong.items()]
    return [*_few(lines), *_few(wrong_places(system.account.receipts, offered, found))]


def wrong_places(
    receipts: Mapping[str, Position],
    offered: Mapping[str, bytes],
    found: Mapping[Position, bytes | None],
) -> Iterator[str]:
    """Yield the receipts whose position does not have the event that was offered under their id."""
    for name, position in receipts.items():
        try:
            is_there = decode_json(found.get(position) or b"") == decode_json(offered[name])
        except (ContractError, KeyError):
            is_there = False
        if not is_there:
            yield f"receipt {name}: its event is not at {'/'.join(map(str, position))}"


def _assessed(system: System) -> Mapping[tuple[str, ...], float]:
    try:
        return system.assessor.values(metrics.INDICATOR_ASSESSED_VALUE)
    except OSError:
        return {}


def _assessor_differs(
    figures: Mapping[tuple[str, ...], float], assessed: Mapping[tuple[str, ...], float]
) -> Iterator[str]:
    for name, value in figures.items():
        if assessed.get(name) != value:
            yield f"{'/'.join(name)}: audit {value}, assessor {assessed.get(name)}"


def _few(lines: Iterator[str] | list[str]) -> list[str]:
    listed = list(lines)
    more = len(listed) - NAMED
    return [*listed[:NAMED], *([f"and {more} more of that kind"] if more > 0 else [])]
