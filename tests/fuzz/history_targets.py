"""What workers answer to who asks for histories, as assessor and pages read it."""

from __future__ import annotations

import asyncio
import re
from typing import Final

from catalogue.loader import load_catalogue
from events.milestone import MilestoneExplained
from streams.queries.format import AnswerReader, AnswerUnreadableError
from streams.queries.received import ReceivedHistories
from streams.queries.serving import HistoriesResponder, OwnedPartitions
from streams.state_store import StateStore
from tests.fuzz.edits import edited_bytes
from tests.fuzz.target import Target
from tests.support.histories import event, uai
from tests.support.records import PARTITIONS, apply_events

_CATALOGUE: Final = load_catalogue()
_TOKENS: Final = re.compile(r'"[^"]*"|-?[0-9]+|[\s\S]')
_FRAGMENTS: Final = (
    *("{", "}", "[", "]", ",", ":", "\n", "null", "true", '""', '"75"', '"99"', '"complete"'),
    *("0", "-1", "1", "17226", "1e3", "1.0", "NaN", "9" * 30, "-" + "9" * 4_300, str(2**63)),
    *('"2018-02-30"', '"0001-01-01T00:00:00+23:59"', '"9999-12-31T23:59:59-23:59"'),
    *('"2018-03-01T00:00:00"', '"2018-W09-4"', "\ufeff", "\u2028", "\x85", "é", "\\ud800"),
)


def _answer() -> str:
    store = StateStore(_CATALOGUE.terms)
    events = [event("school.connected", uai(f"075000{number}"), "2018-03-01") for number in (1, 2)]
    said = event(
        MilestoneExplained.NAME,
        "schools_connected_ratio",
        "2018-03-02",
        territory="R11",
        kind="cause",
        milestone="all_connected",
        text="Les travaux ont pris du retard.",
    )
    for one in (*events, said):
        apply_events(store, one.fact.FAMILY, [[one]])
    owned = OwnedPartitions(None, 1, frozenset(range(PARTITIONS)))
    text = asyncio.run(HistoriesResponder(store, lambda: owned, PARTITIONS).answer(None)).decode()
    # A process's id is drawn by chance, and an example has to be the same each time.
    return re.sub(r'(?<="worker":")[0-9a-f]+|(?<="position":")[0-9a-f]+', "5f0c2a9d1e7b4c36", text)


def _check_histories(content: bytes) -> None:
    """An answer is none, or what it says is held, and can be added up."""
    reader, received = AnswerReader(), ReceivedHistories(_CATALOGUE)
    try:
        for line in content.removesuffix(b"\n").split(b"\n"):
            reader.feed(line)
        answer = reader.whole()
        received.apply(answer, "http://127.0.0.1:6066", 0.0)
    except AnswerUnreadableError:
        return
    assert received.partitions() <= set(range(answer.head.partitions_expected))
    before = {key: dict(series.steps) for key, series in received.all_series()}
    received.apply(answer, "http://127.0.0.1:6066", 1.0)
    assert {key: dict(series.steps) for key, series in received.all_series()} == before
    assert all(said.recorded_at.tzinfo is not None for _, said in received.explanations())


HISTORY_TARGETS: Final = (
    Target(
        "histories",
        "what workers answer to /histories",
        edited_bytes(_answer(), _TOKENS, _FRAGMENTS),
        _check_histories,
    ),
)
