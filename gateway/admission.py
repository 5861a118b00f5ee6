"""Decides whether an item is admitted: pure, from its content, its producer and the clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from events.cloudevent import CloudEvent, decode, decode_json
from events.dead_letter_content import LetterContent, letter_content
from events.errors import ContractError, RefusalReason
from events.fact import Family
from events.person_data import find_person_data
from events.producers.model import Producers
from events.record_rules import RecordRules
from events.records import OutgoingRecord
from events.topics import topic_name
from gateway.bounds import refuse_unbounded
from gateway.http_binding import STRUCTURED_HEADERS, ReceivedItem

MOST_AHEAD: Final = timedelta(minutes=5)
"""How far an event's time may be ahead of this process's clock, where workers take that."""

_TOPICS: Final = {family: topic_name(family) for family in Family}

#: Reasons that concern the whole item, and not one field.
_WHOLE_ITEM: Final = frozenset(
    {
        RefusalReason.NULL_VALUE,
        RefusalReason.TOO_LARGE,
        RefusalReason.TOO_COMPLEX,
        RefusalReason.NOT_A_CLOUDEVENT,
        RefusalReason.INVALID_JSON,
    }
)
_SEND_A_PSEUDONYM: Final = (
    "leave the field out, or send a pseudonym as `smart-region pseudonymise` makes it: a key's id, "
    "a hyphen and 32 hexadecimal digits"
)
#: Personal data, and items that were not searched for them to the end; refusals repeat neither.
_WITHOUT_LETTER: Final = frozenset(
    {RefusalReason.PERSON_DATA, RefusalReason.TOO_LARGE, RefusalReason.TOO_COMPLEX}
)


class AdmittedItem(NamedTuple):
    """An admitted event, and the record that it becomes."""

    event: CloudEvent
    record: OutgoingRecord


class RefusedItem(NamedTuple):
    """A refused item, and what its dead letter has of it."""

    item: ReceivedItem
    content: LetterContent

    @property
    def error(self) -> ContractError:
        """Why it is refused; repeats nothing of an item that may not be kept."""
        return self.content.error

    @property
    def has_letter(self) -> bool:
        """False for personal data, which is kept nowhere, and for items beyond the bounds."""
        return self.error.reason not in _WITHOUT_LETTER


class Admission:
    """Judges items; `now` is the clock, aware.

    `rules` are the workers': what they would refuse is not admitted.
    """

    def __init__(
        self,
        producers: Producers,
        *,
        now: Callable[[], datetime],
        rules: RecordRules | None = None,
    ) -> None:
        self._producers = producers
        self._rules = RecordRules(ownership=producers.ownership) if rules is None else rules
        # A producer's events have few sources, and come in thousands.
        self._allows = lru_cache(maxsize=4096)(producers.allowing)
        self._now = now
        self._most_ahead = min(MOST_AHEAD, self._rules.tolerance)

    def judge(self, item: ReceivedItem, producer: str) -> AdmittedItem | RefusedItem:
        """Admit an item of an authenticated producer, or refuse it.

        Personal data are looked for first: no later refusal repeats them. Takes time linear in the
        item's bytes, whatever they are.
        """
        try:
            refuse_unbounded(item)
            _refuse_person_data(item)
            if item.defect is not None:
                raise item.defect
            # The mode is known to be structured; `decode` would look for it in the headers.
            event = (
                decode_json(item.value)
                if item.headers is STRUCTURED_HEADERS
                else decode(item.headers, item.value)
            )
            if not self._allows(producer, event.source, event.type):
                self._refuse_foreign(event, producer)
            self._rules.judge_content(event)
            self._refuse_future(event)
        except ContractError as error:
            return _refused(item, error.without_traceback())
        # Unchanged, with extensions: the record is what the producer sent.
        fact = event.fact
        record = OutgoingRecord(
            _TOPICS[fact.FAMILY], None, fact.entity_id.encode(), item.value, item.headers
        )
        return AdmittedItem(event, record)

    def _refuse_foreign(self, event: CloudEvent, producer: str) -> None:
        refusal = self._producers.refusal(producer, event.source, event.type)
        if refusal is not None:
            raise refusal

    def _refuse_future(self, event: CloudEvent) -> None:
        now = self._now()
        if event.time > now + self._most_ahead:
            raise ContractError(
                RefusalReason.TIME_AHEAD,
                "time",
                event.time.isoformat(),
                f"send when the fact was recorded; it is {now:%Y-%m-%dT%H:%M:%SZ} here",
            )


def _refused(item: ReceivedItem, error: ContractError) -> RefusedItem:
    error = _renamed_for_http(error)
    if error.reason in _WITHOUT_LETTER:
        return RefusedItem(item, LetterContent(keeps_record=False, error=error))
    return RefusedItem(
        item, letter_content(error, None, item.value, item.headers, was_read=item.was_read)
    )


def _renamed_for_http(error: ContractError) -> ContractError:
    """Name the body what Kafka calls a record's value; an attribute may be named `value` too."""
    if error.field != "value" or error.reason not in _WHOLE_ITEM:
        return error
    return ContractError(error.reason, "body", error.value, error.remedy, problem=error.problem)


def _refuse_person_data(item: ReceivedItem) -> None:
    field = find_person_data(item.content)
    if field is not None:
        raise ContractError(RefusalReason.PERSON_DATA, field, None, _SEND_A_PSEUDONYM)
