"""The command `smart-region producers new`: adds a producer to a declaration."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from boundary.terminal import echo
from events.options import file_option


@click.command(name="new")
@click.option(
    "--id",
    "producer_id",
    prompt="Its id (lower-case letters, digits and -)",
    metavar="ID",
    help="Its id, such as lycees.",
)
@click.option(
    "--contact",
    prompt="Who answers questions about its events: an address, a team",
    metavar="TEXT",
    help="Who answers questions about its events: an address, a team.",
)
@click.option(
    "--types",
    prompt="The facts it may send, as school.* or grant.paid",
    metavar="FACTS",
    help="The facts it may send: school.*,grant.paid",
)
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="URI",
    help="The `source` of its events.  [default: urn:iledefrance:ID]",
)
@click.option(
    "--owns",
    default="all",
    show_default=True,
    metavar="PARTS",
    help="The part of these facts that only it may report: all, none, D77,D93 or ARCEP-*",
)
@file_option(
    "--producers",
    "declaration",
    envvar="SMART_REGION_PRODUCERS",
    show_envvar=True,
    default="producers.yaml",
    show_default=True,
    help="The declaration to add it to; created where there is none.",
)
def new_producer(
    *,
    producer_id: str,
    contact: str,
    types: str,
    sources: tuple[str, ...],
    owns: str,
    declaration: Path,
) -> None:
    """Add a producer to a declaration.

    Prompts for its id, its contact and its facts where no option has them; change the rest, such
    as its title and its quota, in the file, which keeps its lines and comments. `producers issue`
    makes its secret. Restart every program with the new declaration.
    """
    from boundary.whole_file import whole_file
    from events.declaration import InvalidDeclarationError, read_model
    from events.document import document_of, plain_yaml
    from events.producers.model import Producers, load_producers

    facts = _parts(types)
    owned = _shares(_parts(owns), facts)
    entry = {
        "id": producer_id,
        "title": producer_id,
        "contact": contact,
        "sources": [*sources] or [f"urn:iledefrance:{producer_id}"],
        "types": facts,
        **({"owns": owned} if owned else {}),
        "quota": {"events_per_second": 100, "burst": 1_000},
        "expected_every": "monthly",
    }
    text = "producers:\n"
    if declaration.exists():
        load_producers(declaration)
        text = declaration.read_text(encoding="utf-8-sig").rstrip("\n") + "\n\n"
    first = re.search(r"^( *)- ", text, re.MULTILINE)
    margin = first[1] if first else ""
    text += "".join(f"{margin}{line}" for line in plain_yaml([entry]).splitlines(keepends=True))
    added, mistakes = read_model(document_of(declaration, text), Producers)
    if added is None:
        raise InvalidDeclarationError(mistakes)
    with whole_file(declaration) as file:
        file.write(text.encode())
    echo(f"{declaration}: declares {producer_id}", err=True)


def _parts(text: str) -> list[str]:
    """Return the parts of an answer that is a list, without repetitions."""
    return list(dict.fromkeys(part for part in re.split(r"[,\s]+", text) if part))


def _shares(owned: Sequence[str], types: Sequence[str]) -> list[Any]:
    """Return the value of `owns`: all `types`, none, or their territories and entities."""
    if owned == ["all"]:
        return [*types]
    if owned == ["none"]:
        return []
    territories = [one for one in owned if re.fullmatch(r"[DR][0-9]{2}|FRANCE", one)]
    entities = [one for one in owned if one not in territories]
    named = {"territories": territories, "entities": entities}
    return [{"types": [*types], name: ones} for name, ones in named.items() if ones]
