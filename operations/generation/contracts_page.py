"""The page docs/contracts/README.md: every type of event, under its topic."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from events.contracts.json_schema import description_of, schema_file
from events.fact import Family
from events.registry import facts_of
from events.topics import declared_topics, topic_name

RELEASED: Final = "released"
"""The folder of the released schemas, beside the page."""

_HEAD: Final = """\
<!-- Generated from events/ by `smart-region generate`. Do not edit. -->

# Contracts

The events that the Région's systems may send, as machine-readable contracts. Each event is a
CloudEvent 1.0 in JSON. The [producers' guide](../producers.md) ([en français](../producteurs.md))
shows how to send one.

- [released/](released): a JSON Schema (draft 2020-12) of each event, envelope and data, with an
  example. Rules that a schema cannot express are in its descriptions. What a released schema
  accepts is accepted for ever: `make check` compares the schemas with the code. Whole numbers are
  written as `617`: `617.0`, which a schema takes for one too, is refused
- `asyncapi.json`: topics and messages (AsyncAPI 3.0), in both content modes
- `openapi.json`: the gateway over HTTP (OpenAPI 3.1), for generators of clients:
  [how](../producers.md#a-generated-client)

The gateway serves all of them: `/asyncapi.json`, `/openapi.json`, `/schemas/{type}.json`. Each
document is complete in itself. Without a gateway, `smart-region contracts render` writes them to
`build/contracts`.

Each fact of each entity has one owner, a declared producer. An event of another source is refused
(`not_owner`), also a correction or a retraction: [who owns a fact](../gateway.md#who-owns-a-fact).
"""


def contracts_page(released: Collection[str]) -> str:
    """Return the page; `released` are the types that have a released schema."""
    return "\n".join(_page(released))


def _page(released: Collection[str]) -> Iterator[str]:
    yield _HEAD
    keys = {spec.name: spec.key for spec in declared_topics()}
    for family in Family:
        topic = topic_name(family)
        yield f"## `{topic}`\n\nKey: `{keys[topic]}`\n"
        yield "| type | what it says | schema |\n|---|---|---|"
        for fact in facts_of(family):
            meaning = " ".join(description_of(fact).partition("\n\n")[0].split())
            link = f"[{fact.NAME}]({RELEASED}/{schema_file(fact)})"
            schema = link if fact.TYPE in released else "not released yet"
            yield f"| `{fact.TYPE}` | {meaning} | {schema} |"
        yield ""
