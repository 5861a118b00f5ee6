"""The page docs/contracts/README.md: every type of event, under its topic."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from events.contracts.json_schema import description_of, schema_file
from events.fact import Family
from events.registry import facts_of
from events.topics import declared_topics, topic_name

__all__ = ["RELEASED", "contracts_page"]

RELEASED: Final = "released"
"""The folder of the released schemas, beside the page."""

_HEAD: Final = """\
<!-- Generated from events/ by `smart-region generate`. Do not edit. -->

# Contracts

What the Région's systems may say, as other programs read it. Each event is a CloudEvent 1.0 in
JSON; how one is sent is in the [producers' guide](../producers.md)
([en français](../producteurs.md)).

- [released/](released): a JSON Schema (draft 2020-12) of each event, envelope and data, with an
  example; what it cannot say is told in the descriptions. An event that one of them takes is taken
  for ever: `make check` compares them with the code
- `asyncapi.json`: topics and messages (AsyncAPI 3.0), in both content modes
- `openapi.json`: the gateway over HTTP (OpenAPI 3.1), for generators of clients:
  [how](../producers.md#a-generated-client)

The gateway serves all of them: `/asyncapi.json`, `/openapi.json`, `/schemas/{type}.json`. Each
document is complete in itself. Without a gateway, `smart-region contracts render` writes them to
`build/contracts`.

Of one entity 4 MiB are kept, its facts and days as JSON: some ten thousand days. An event that
would add to more is refused (`entity_full`).

Of each fact and entity one declared producer's word counts. An event of another source is refused
(`not_owner`), also where it corrects or takes back: [who owns a
fact](../gateway.md#who-owns-a-fact).

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
