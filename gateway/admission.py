"""Decides whether an item is admitted: pure, from content, producer, clock and bounds."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

from events.cloudevent import CloudEvent, decode, decode_json, refuse_large
from events.dead_letter_content import LetterContent, letter_content
from events.errors import ContractError, RefusalReason
from events.fact import Family
from events.person_data import find_person_data, shown_step
from events.producers.model import Producers
from events.record_rules import RecordRules
from events.records import OutgoingRecord
from events.topics import topic_name
from gateway.http_binding import STRUCTURED_HEADERS, ReceivedItem

MOST_PARTS: Final = 1_000
"""Values in an item, including objects and lists: an event has about twenty."""
LONGEST_NAME: Final = 1_024
"""Characters of a name."""
LONGEST_ATTRIBUTE: Final = 2_048
"""Characters of an attribute's text, extensions included: enough for a long URI."""
MOST_MARKS: Final = 30
"""Combining marks in a row, as in stream-safe text (UAX #15): each reader has to sort them."""

#: No ASCII item of at most this many bytes exceeds a bound.
_SMALL: Final = LONGEST_NAME
_DATA: Final = "data"
#: Lower code points are never marks, so every run of marks lies in a run of higher ones.
_RUN: Final = re.compile(rf"[^\x00-\u02ff]{{{MOST_MARKS + 1},}}")

MOST_AHEAD: Final = timedelta(minutes=5)
"""How far an event's time may be ahead of this process's clock, if workers tolerate as much."""

_TOPICS: Final = {family: topic_name(family) for family in Family}

#: Reasons that concern the whole item, not a single field.
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
#: Personal data, and items that were not searched for it completely; refusals repeat neither.
_WITHOUT_LETTER: Final = frozenset(
    {RefusalReason.PERSON_DATA, RefusalReason.TOO_LARGE, RefusalReason.TOO_COMPLEX}
)


class AdmittedItem(NamedTuple):
    """An admitted event, and the record that it becomes."""

    event: CloudEvent
    record: OutgoingRecord


class RefusedItem(NamedTuple):
    """A refused item, and what its dead letter keeps of it."""

    item: ReceivedItem
    content: LetterContent

    @property
    def error(self) -> ContractError:
        """Why it is refused; repeats nothing of an item that may not be kept."""
        return self.content.error

    @property
    def has_letter(self) -> bool:
        """False for personal data, which is stored nowhere, and for items beyond the bounds."""
        return self.error.reason not in _WITHOUT_LETTER


class Admission:
    """Judges items; `now` is the clock, in aware times.

    `rules` are those of the workers: events that workers would refuse are not admitted.
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
        # A producer sends thousands of events, from few sources.
        self._allows = lru_cache(maxsize=4096)(producers.allows)
        self._now = now
        self._most_ahead = min(MOST_AHEAD, self._rules.tolerance)

    def judge(self, item: ReceivedItem, producer: str) -> AdmittedItem | RefusedItem:
        """Admit an item of an authenticated producer, or refuse it.

        The search for personal data comes first, so that no later refusal repeats any. The time is
        linear in the item's size, whatever it contains.
        """
        try:
            refuse_unbounded(item)
            _refuse_person_data(item)
            if item.defect is not None:
                raise item.defect
            # The mode is known to be structured; `decode` would derive it from the headers.
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
    """Call a record's value the body, as in HTTP; an attribute may also be named `value`."""
    if error.field != "value" or error.reason not in _WHOLE_ITEM:
        return error
    return ContractError(error.reason, "body", error.value, error.remedy, problem=error.problem)


def _refuse_person_data(item: ReceivedItem) -> None:
    field = find_person_data(item.content)
    if field is not None:
        raise ContractError(RefusalReason.PERSON_DATA, field, None, _SEND_A_PSEUDONYM)


def refuse_unbounded(item: ReceivedItem) -> None:
    """Raise ContractError (too_large or too_complex) if an item exceeds one of the bounds.

    An item that is not JSON counts as one text. Names no field that may hold personal data.
    """
    value = item.value
    # These conditions suffice to admit nearly every event.
    if (
        len(value) <= _SMALL
        and item.headers is STRUCTURED_HEADERS
        and value.isascii()
        and b"\\u" not in value
    ):
        return
    # As workers do when they read the record: they must not refuse an event that has a receipt.
    refuse_large(item.headers, value)
    if isinstance(item.content, dict):
        _refuse_long_attributes(item.content)
    parts: list[Any] = [item.content]
    for part in parts:
        if isinstance(part, str):
            _refuse_marks(part)
        elif isinstance(part, dict):
            _refuse_names(part)
            parts += part.values()
        elif isinstance(part, list):
            parts += part
        if len(parts) > MOST_PARTS:
            raise _too_complex("value", None, f"send at most {MOST_PARTS} values in an event")


def _refuse_long_attributes(content: Mapping[str, Any]) -> None:
    for name, value in content.items():
        if name != _DATA and isinstance(value, str) and len(value) > LONGEST_ATTRIBUTE:
            size = f"{len(value)} characters"
            remedy = f"send attributes of at most {LONGEST_ATTRIBUTE} characters"
            raise _too_complex(shown_step(name), size, remedy)


def _refuse_names(names: Iterable[str]) -> None:
    for name in names:
        if len(name) > LONGEST_NAME:
            remedy = f"send names of at most {LONGEST_NAME} characters"
            raise _too_complex("value", f"a name of {len(name)} characters", remedy)
        _refuse_marks(name)


def _refuse_marks(text: str) -> None:
    if text.isascii():
        return
    for run in _RUN.finditer(text):
        marks = 0
        for sign in run[0]:
            marks = marks + 1 if unicodedata.category(sign).startswith("M") else 0
            if marks > MOST_MARKS:
                remedy = f"send at most {MOST_MARKS} combining marks in a row"
                raise _too_complex("value", None, remedy)


def _too_complex(field: str, value: str | None, remedy: str) -> ContractError:
    return ContractError(RefusalReason.TOO_COMPLEX, field, value, remedy)
