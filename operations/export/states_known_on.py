"""Hindsight: the states as they were known at the end of a past day, from the raw topics.

The changelogs keep only the latest record of each fact and day; what was known before a correction
is on the topics of events.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from kafka.admin import OffsetSpec

from boundary.work_folder import WorkFolder
from broker.clients import administering
from broker.offsets import partition_offsets, partitions_of
from broker.security import PLAINTEXT, BrokerSecurity
from broker.stored_record import RawRecord
from catalogue.model import Catalogue
from events.cloudevent import CloudEvent
from events.errors import ContractError
from events.fact import Family
from events.record_rules import RULES, RecordRules, known_before
from events.topics import topic_name
from streams.folded_states import FoldedStates
from streams.state import EMPTY, EntityState, cell_of, decode_state, encode_state, merge_states
from streams.state_spool import SpooledState, StateSpool

#: One partition for all: an entity whose records lie on two partitions is one entity.
_PARTITION = 0


def deleted_lines(
    bootstrap: str, topics: Sequence[str], *, security: BrokerSecurity = PLAINTEXT
) -> Iterator[str]:
    """Yield a line for each partition whose first records are deleted: nobody counts them again.

    Raises as `administering`.
    """
    with administering(bootstrap, what="topics", security=security) as admin:
        starts = partition_offsets(admin, partitions_of(admin, topics), OffsetSpec.EARLIEST)
    for (topic, number), start in sorted(starts.items()):
        if start:
            yield (
                f"{topic}[{number}]: begins at offset {start}: earlier records are deleted and not"
                " in these figures (an erasure copies what stays)"
            )


def events_known_on(
    records: Iterable[RawRecord], known_on: Mapping[Family, date], rules: RecordRules
) -> Iterator[CloudEvent]:
    """Yield the accepted events that were known at the end of a day (UTC), which families have.

    Of a family without a day they are all.
    """
    before = {topic_name(family): known_before(known_on.get(family)) for family in Family}
    families = {topic_name(family): family for family in Family}
    for record in records:
        try:
            event = rules.decode(record, family=families[record.topic])
        except ContractError:
            continue
        if rules.known_at(event, record) < before[record.topic]:
            yield event


def states_known_on(
    records: Iterable[RawRecord],
    catalogue: Catalogue,
    known_on: date,
    *,
    rules: RecordRules = RULES,
    work: WorkFolder | None = None,
) -> FoldedStates:
    """Return the sums of what workers would hold had they read only what was recorded up to a day.

    The day ends in UTC. `records` are those of the topics of events, in any order; workers' copies
    of misrouted ones change nothing, and refused ones are skipped. A part of the states is in
    memory at a time; all of them are in the work folder. Raises WorkFolderFullError.
    """
    folded = FoldedStates(catalogue.terms)
    with StateSpool(work) as spool:
        for event in events_known_on(records, catalogue.known_through(known_on), rules):
            fact = event.fact
            state = {fact.NAME: {fact.effective_day.isoformat(): cell_of(event)}}
            key = fact.entity_id.encode()
            spool.add(fact.FAMILY, _PARTITION, key, encode_state(state))
        for part in spool.parts():
            state_store = folded.part()
            for family, entities in _merged(part).items():
                state_store.put(family, _PARTITION, entities)
            folded.add(state_store)
    return folded


def _merged(part: Iterable[SpooledState]) -> Mapping[Family, Mapping[str, EntityState]]:
    states: dict[Family, dict[str, EntityState]] = defaultdict(dict)
    for one in part:
        of_family, entity = states[one.family], one.key.decode()
        recorded = decode_state(one.value or b"{}")
        of_family[entity] = merge_states(of_family.get(entity, EMPTY), recorded)
    return states
