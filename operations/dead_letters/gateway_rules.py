"""The gateway's admission of letters of what it had refused: a replay does not bypass it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from events.cloudevent import CONTENT_TYPE, PREFIX
from events.dead_letter_content import may_be_kept
from events.dead_letters import DeadLetter
from events.errors import ContractError, RefusalReason
from events.producers.model import UNKNOWN_PRODUCER, load_producers
from events.strict_json import read_value
from gateway.admission import Admission, RefusedItem
from gateway.http_binding import ReceivedItem
from streams.clock import Clock
from streams.settings import Settings

#: Begins the field of an HTTP header that the gateway could not read; Kafka's begin with `ce_`.
_UNREADABLE_HEADER = "ce-"


def gateway_rules(settings: Settings, clock: Clock) -> Callable[[DeadLetter], None]:
    """Return what raises ContractError where the gateway would refuse a letter's event today.

    The rules are those of the producers declared now. Raises InvalidDeclarationError.
    """
    producers = load_producers(settings.producers)
    admission = Admission(producers, now=clock.now, rules=settings.record_rules())

    def admit(letter: DeadLetter) -> None:
        if letter.field.startswith(_UNREADABLE_HEADER):
            raise ContractError(
                RefusalReason.INVALID_ENVELOPE,
                letter.field,
                None,
                "have the producer send it again: the letter has the header only as it was read",
                problem="could not be read at the gateway",
            )
        judged = admission.judge(_item(letter), letter.producer or UNKNOWN_PRODUCER)
        if isinstance(judged, RefusedItem):
            raise judged.error
        if not may_be_kept(letter.key, letter.value, letter.headers):
            # Letters of earlier releases may keep what the gateway refuses today.
            raise ContractError(
                RefusalReason.PERSON_DATA, "value", None, "have its producer send it again"
            )

    return admit


def _item(letter: DeadLetter) -> ReceivedItem:
    """Return the item that the gateway had refused. Raises ContractError where it is no text."""
    value = letter.value or b""
    headers = tuple((name, content or b"") for name, content in letter.headers)
    try:
        read = read_value(value.decode())
    except UnicodeDecodeError:
        raise ContractError(
            RefusalReason.INVALID_JSON, "value", None, "send JSON in UTF-8", problem="is not UTF-8"
        ) from None
    content: Any = read.text if read.data is None else read.data
    attributes = {
        name.removeprefix(PREFIX): value.decode(errors="replace")
        for name, value in headers
        if name != CONTENT_TYPE
    }
    if attributes:  # The binary mode, whose envelope is in the headers.
        content = {**attributes, "data": content}
    return ReceivedItem(value, headers, content, read.defect, was_read=read.is_read)
