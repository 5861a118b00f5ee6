"""Judges dead letters by what was sent, and parses them without the workers' code."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from broker.stored_record import RawRecord
from events.errors import RefusalReason
from events.records import OutgoingRecord
from tests.simulation.records import FORWARDED_FROM, PERSON, PLAIN, Fate, Headers, Sent

Origin = tuple[str, int, int]
"""Topic, partition and offset."""

_PREFIX: Final = "smartregion-"
_ADDED: Final = ("reason", "field", "detail", "topic", "partition", "offset", "time")
#: The headers that may follow those.
_OPTIONAL: Final = ("timestamp", "null-value", "shortened", "producer", "records")
GATEWAY: Final[Origin] = ("http", -1, -1)


class _Letter(NamedTuple):
    """A dead letter as it is stored."""

    own: Headers
    """The refused record's headers."""
    added: Mapping[str, bytes]
    """The monitor's headers, without their prefix."""
    key: bytes | None
    value: bytes | None

    @property
    def reason(self) -> str:
        """Why its records were refused."""
        return self.added["reason"].decode()

    @property
    def is_summary(self) -> bool:
        """True if it stands for several records."""
        return "records" in self.added

    @property
    def origins(self) -> Sequence[Origin]:
        """The refused records that it stands for."""
        topic, partition = self.added["topic"].decode(), int(self.added["partition"])
        if not self.is_summary:
            return [(topic, partition, int(self.added["offset"]))]
        runs = json.loads(self.added["records"])["offsets"]
        return [(topic, partition, at) for first, last in runs for at in range(first, last + 1)]


def origins_of(record: OutgoingRecord) -> Sequence[Origin]:
    """Return the records of a worker's dead letter, or of a copy for another partition."""
    name, value = record.headers[-1]
    if name == FORWARDED_FROM:
        topic, partition, offset = (value or b"").decode().split("/")
        return [(topic, int(partition), int(offset))]
    return _read(record).origins


def _read(record: RawRecord | OutgoingRecord) -> _Letter:
    headers = list(record.headers)
    names = [name.removeprefix(_PREFIX) for name, _ in headers]
    # From the end: a producer's own headers may have any names.
    end = len(names)
    while names[end - 1] in _OPTIONAL:
        end -= 1
    begin = end - len(_ADDED)
    if tuple(names[begin:end]) != _ADDED:
        message = f"the headers {names}"
        raise ValueError(message)
    added = {
        name: value or b"" for name, (_, value) in zip(names[begin:], headers[begin:], strict=True)
    }
    return _Letter(tuple(headers[:begin]), added, record.key, record.value)


def letter_problems(
    letters: Sequence[RawRecord],
    refused: Mapping[Origin, tuple[RawRecord, Fate]],
    lost: AbstractSet[Origin],
) -> Iterator[str]:
    """Yield what is wrong with the workers' dead letters.

    Each of the `refused` records has one or more dead letters, with its reason, and no other record
    has any. The dead letter of one record has its key, value and headers, or the size of each. A
    summary of several has none of them. For `lost` records there is nothing to compare with.
    """
    covered: set[Origin] = set()
    for record in letters:
        letter = _read(record)
        if letter.origins[0] == GATEWAY:
            continue
        covered.update(letter.origins)
        for origin in letter.origins:
            if origin in lost:
                continue
            if origin not in refused:
                yield f"the dead letter @{record.offset} is of {origin}, which was not refused"
                continue
            if problem := _letter_problem(letter, *refused[origin]):
                yield f"the dead letter of {origin} {problem}"
    if missing := refused.keys() - covered:
        yield f"{len(missing)} refused records have no dead letter, the first is {min(missing)}"


def _letter_problem(letter: _Letter, original: RawRecord, fate: Fate) -> str:
    """Return what is wrong with the dead letter of a refused record; "" for nothing."""
    if letter.reason != fate.reason:
        return f"has {letter.reason}, not {fate.reason}"
    if letter.is_summary:
        is_empty = (letter.key, letter.value) == (None, b"")
        return "" if is_empty else "and of others keeps a key or a value"
    problem = _content_problem(letter, original, is_kept=fate.is_kept)
    return f"({fate.reason}) has {problem}" if problem else ""


def gateway_letter_problems(letters: Sequence[RawRecord], sent: Sequence[Sent]) -> Iterator[str]:
    """Yield what is wrong with the gateway's dead letters; each belongs to a sent record."""
    refused = [one for one in sent if one.fate.reason is not None and one.fits_a_request]
    for record in letters:
        letter = _read(record)
        if letter.origins[0] == GATEWAY and not any(_is_of(letter, one) for one in refused):
            yield f"the gateway's letter @{record.offset} ({letter.reason}) is of nothing sent"


def _content_problem(letter: _Letter, record: RawRecord, *, is_kept: bool) -> str:
    """Return how a dead letter differs from its record; "" if it does not."""
    if letter.added.get("timestamp") != str(record.timestamp).encode():
        return f"the timestamp {letter.added.get('timestamp')!r}, not {record.timestamp}"
    if is_kept:
        value = record.value
        is_marked = record.key is None and value is None
        expected = (record.key, b"" if is_marked else value, tuple(record.headers))
        found = (letter.key, letter.value, letter.own)
        if found != expected:
            return f"{found}, not {expected}"
        marks = letter.added.keys() & {*_OPTIONAL} - {"timestamp"}
        return "" if marks == ({"null-value"} if is_marked else set()) else f"the marks {marks}"
    if (letter.key, letter.value, letter.own) != (None, b"", ()):
        return "what it may not keep"
    if any(PERSON in text for text in letter.added.values()):
        return "a person's address"
    found_parts = json.loads(letter.added.get("shortened", b"{}"))
    return "" if found_parts == _parts(record) else f"{found_parts}, not {_parts(record)}"


def _is_of(letter: _Letter, sent: Sent) -> bool:
    """Return whether a dead letter of the gateway belongs to a request's item (no key)."""
    value, reason = sent.value or b"", sent.fate.reason
    if reason is RefusalReason.NOT_OWNER:
        reason = RefusalReason.NOT_ALLOWED  # The gateway knows the producer.
    if letter.reason != reason or "producer" not in letter.added:
        return False
    if "shortened" not in letter.added:
        kept = (letter.key, letter.value, letter.own)
        return sent.fate.is_kept and kept == (None, value, PLAIN)
    size = json.loads(letter.added["shortened"]).get("value", {"bytes": 0})
    is_withheld = not (sent.fate.is_kept and value)
    return is_withheld and letter[2:] == (None, b"") and size == {"bytes": len(value)}


def _parts(record: RawRecord) -> Mapping[str, Mapping[str, int]]:
    """Return the size of each part of a record that has any bytes."""
    headers = [len(name.encode()) + len(value or b"") + 10 for name, value in record.headers]
    sizes = {
        "key": len(record.key or b""),
        "value": len(record.value or b""),
        "headers": sum(headers),
    }
    return {name: {"bytes": size} for name, size in sizes.items() if size}
