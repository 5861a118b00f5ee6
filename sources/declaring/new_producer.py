"""A new producer: its declaration, its secret and a first event to try."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from textwrap import indent
from typing import Any, Final

import yaml

from boundary.errors import SmartRegionError
from boundary.whole_file import whole_file
from events.contracts.json_schema import schema_of
from events.declaration import InvalidDeclarationError, read_model
from events.document import document_of, plain_yaml, read_document
from events.observation import Territory
from events.producers.loader import REGION, load_producers
from events.producers.model import Producer, Producers
from events.producers.secrets import load_secrets
from events.producers.tokens import IssuedSecret
from events.registry import FACTS

EVERYTHING: Final = "all"
NOTHING: Final = "none"

_TERRITORY: Final = re.compile(rf"[DR][0-9]{{2}}|{Territory.COUNTRY.value}")
#: The first item of a list, with its margin.
_ITEM: Final = re.compile(r"^( *)- ", re.MULTILINE)


def parts_of(text: str) -> list[str]:
    """Return the parts of an answer that is a list, each once."""
    return list(dict.fromkeys(part for part in re.split(r"[,\s]+", text) if part))


def shares_of(owned: Sequence[str], types: Sequence[str]) -> list[Any]:
    """Return what `owns` declares: all `types`, none, or territories and entities of them."""
    if owned == [EVERYTHING]:
        return [*types]
    if owned == [NOTHING]:
        return []
    territories = [one for one in owned if _TERRITORY.fullmatch(one)]
    entities = [one for one in owned if not _TERRITORY.fullmatch(one)]
    named = {"territories": territories, "entities": entities}
    return [{"types": [*types], name: ones} for name, ones in named.items() if ones]


def declare(
    entry: Mapping[str, Any],
    issued: IssuedSecret,
    *,
    declaration: Path,
    secrets: Path,
    now: datetime,
) -> Iterator[str]:
    """Declare a producer and its secret, and write its own files; yield lines about all of it.

    `entry` is the producer as its declaration has it, and `now` is aware. Files that are there keep
    their lines and comments. A kill between the four renames leaves a secret that no gateway knows,
    or a declared producer without a secret, with which every program starts.
    Raises InvalidDeclarationError with every mistake, SmartRegionError and
    FileUnwritableError.
    """
    before = load_producers(declaration) if declaration.exists() else None
    known = _data_of(declaration).get("producers", [])
    text = _with(declaration, f"\n{plain_yaml([entry])}", {"producers": [*known, entry]})
    after, found = read_model(document_of(declaration, text), Producers)
    if after is None:
        raise InvalidDeclarationError(found)
    load_secrets(secrets if secrets.exists() else None, after)
    all_secrets = {**_data_of(secrets), **yaml.safe_load(issued.lines)}
    producer = after.producers[-1]
    own_secret, event = Path(f"{producer.id}-secret.txt"), Path(f"{producer.id}-first-event.json")
    for file in (own_secret, event):
        if file.exists() or file.is_symlink():
            raise SmartRegionError(f"--id: has a file already, value {str(file)!r}: move it first")
    # They are renamed in the reverse order.
    with (
        whole_file(secrets, private=True) as of_secrets,
        whole_file(declaration) as of_declaration,
        whole_file(event) as of_event,
        whole_file(own_secret, private=True) as of_secret,
    ):
        of_secret.write(f"{issued.secret.get_secret_value()}\n".encode())
        of_event.write(f"{json.dumps(_first_event(producer, now), ensure_ascii=False)}\n".encode())
        of_declaration.write(text.encode())
        of_secrets.write(_with(secrets, f"{issued.lines}\n", all_secrets).encode())
    yield f"{declaration}: declares {producer.id}"
    if before is None:
        yield f"  it is new, and declares none of the shipped producers ({REGION})"
    else:
        yield from _losses(producer, before)
    yield f"{secrets}: has what the gateway checks its secret with"
    yield f"{own_secret}: is its secret, which you alone can read: give it the file, and delete it"
    yield f"{event}: is a first event to try, about an example: change the entity to one of its own"


def _losses(producer: Producer, before: Producers) -> Iterator[str]:
    """Yield a line for each declared producer from which the new one takes something."""
    for source in producer.sources:
        if (loser := before.of_source(source)) is not None:
            yield f"  {loser.id} loses the source {source}, which is below its own"
    facts = {fact for share in producer.owns for fact in share.facts}
    for loser in before:
        rest = (one.facts for one in loser.owns if not (one.territories or one.entities))
        if lost := facts & frozenset[str]().union(*rest):
            yield (
                f"  {loser.id} loses a share of {', '.join(sorted(lost))}: its events about it are"
                f" refused, stored ones no longer count, and figures lack it until {producer.id}"
                " sends it"
            )


def _first_event(producer: Producer, now: datetime) -> dict[str, Any]:
    """Return an event in structured mode: the example of the producer's first fact, as of today."""
    kind = next(kind for kind in FACTS if kind in producer.event_types)
    example = schema_of(FACTS[kind])["examples"][0]["data"]
    day = example[FACTS[kind].DAY]
    # A period of one day stays one.
    today = {name: now.date().isoformat() for name in example if example[name] == day}
    return {
        "specversion": "1.0",
        "id": f"{producer.id}-first-event",
        "source": producer.sources[0],
        "type": kind,
        "time": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "data": {**example, **today},
    }


def _data_of(file: Path) -> dict[str, Any]:
    data = read_document(file).data if file.exists() else None
    return data if isinstance(data, dict) else {}


def _with(file: Path, added: str, after: Mapping[str, Any]) -> str:
    """Return a file's text with lines at its end that make it declare `after`.

    All other lines and comments stay. Where such lines cannot do it (after a list in brackets), the
    whole file is written anew.
    """
    if not file.exists():
        return plain_yaml(after)
    before = file.read_text(encoding="utf-8-sig").rstrip("\n")
    items = _ITEM.search(before)
    margin = items[1] if items and added.startswith("\n- ") else ""
    text = f"{before}\n{indent(added, margin)}"
    return text if document_of(file, text).data == after else plain_yaml(after)
