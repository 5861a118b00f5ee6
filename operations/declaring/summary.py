"""What declaring a new producer will change, told before it is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from shlex import quote
from typing import Any

from events.producers.fact_patterns import types_of
from events.producers.loader import REGION, load_producers
from events.producers.model import Producer, Producers
from events.producers.ownership import Share
from events.registry import FACTS
from operations.declaring.files import NewFiles, ProducerFiles


def summary(
    producer: Producer, declared: Sequence[Mapping[str, Any]], files: ProducerFiles, new: NewFiles
) -> Iterator[str]:
    """Yield lines: what it may send, who loses what by it, and what is written where.

    `declared` are the producers that stand, as a file's plain data.
    """
    yield f"{producer.id} may send {', '.join(producer.types)} as {', '.join(producer.sources)}"
    if not producer.owns:
        yield "  nobody owns them: of all who may send one, the latest `time` counts"
    for share in producer.owns:
        yield f"  its word alone counts for {_named(share)}"
    before = Producers.model_validate({"producers": declared}) if declared else ()
    for loser, source in _lost_sources(producer, before):
        yield f"{loser} loses {source}, which is below its own source, to {producer.id}:"
        yield f"  what {loser} sends as it is refused (not_allowed), and what it has sent as it"
        yield f"  counts as {producer.id}'s alone: no more where that is not its owner"
    for share in producer.owns:
        for loser, types in _losses(share, before).items():
            yield f"{loser} loses {', '.join(types)} of {_part(share)} to {producer.id}:"
            yield f"  what {loser} sends of it is refused (not_owner), and what it has sent of it"
            yield f"  counts no more: figures lack it until {producer.id} has sent it"
    if not files.declaration.exists():
        yield f"{files.declaration} is new, and {producer.id} will be all that it declares"
    yield "to be written:"
    yield f"  {files.declaration}: the declaration of {producer.id}"
    yield f"  {files.secrets}: what the gateway knows its secret by"
    yield f"  {new.secret}: its secret, which you alone can read, for the producer"
    yield f"  {new.event}: a first event, to try"


def shipped_ones(files: ProducerFiles) -> Iterator[str]:
    """Yield lines, before the first question: how a new declaration keeps the shipped producers."""
    if not files.declaration.exists():
        shipped = len(load_producers().producers)
        yield f"{files.declaration} will be new, without the {shipped} shipped producers"
        yield "  to keep them, end this with Ctrl-C, copy theirs first and begin again"
        yield f"  cp {quote(str(REGION))} {quote(str(files.declaration))}"


def _named(share: Share) -> str:
    types = ", ".join(share.types)
    if share.territories or share.entities:
        return f"{types} of {_part(share)}"
    return f"{types} of all that no other producer names"


def _part(share: Share) -> str:
    return ", ".join((*(one.value for one in share.territories), *share.entities))


def _lost_sources(producer: Producer, before: Producers | tuple[()]) -> Iterator[tuple[str, str]]:
    """Yield from whom the sources are taken: the longest declared one says whose an event is."""
    if not isinstance(before, Producers):
        return
    for source in producer.sources:
        loser = before.of_source(source)
        if loser is not None:
            yield loser.id, source


def _losses(share: Share, before: Producers | tuple[()]) -> dict[str, list[str]]:
    """Return from whose rest a share is taken, with the patterns of facts: no other has it."""
    lost: dict[str, list[str]] = {}
    if not (share.territories or share.entities):
        return lost
    for pattern in share.types:
        facts = {FACTS[kind].NAME: None for kind in types_of(pattern)}
        for producer in before:
            rest = (one.facts for one in producer.owns if not (one.territories or one.entities))
            owned = {*chain(*rest)}
            taken = [fact for fact in facts if fact in owned]
            if taken:
                whole = len(taken) == len(facts)
                lost.setdefault(producer.id, []).extend([pattern] if whole else taken)
    return lost
