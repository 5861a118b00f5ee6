"""The files of docs/contracts: schemas, AsyncAPI, OpenAPI, and a page that lists them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

from events.contracts.asyncapi import asyncapi_document
from events.contracts.json_schema import description_of, schema_file, schema_of
from events.fact import JSON, Family
from events.gateway.openapi import openapi_document
from events.registry import FACTS, facts_of
from events.topics import declared_topics, topic_name

__all__ = ["SCHEMAS", "json_text", "rendered"]

SCHEMAS: Final = "schemas"

_HEAD: Final = """\
<!-- Generated from events/ by `make generated`. Do not edit. -->

# Contracts

What the Région's systems may say, as other programs read it. Each event is a CloudEvent 1.0 in
JSON; how one is sent is in the [producers' guide](../producers.md)
([en français](../producteurs.md)).

- [asyncapi.json](asyncapi.json): topics and messages (AsyncAPI 3.0), in both content modes
- [openapi.json](openapi.json): the producers' door over HTTP (OpenAPI 3.1), for generators of
  clients: [how](../producers.md#a-generated-client)
- [schemas/](schemas): a JSON Schema (draft 2020-12) of each event, envelope and data, with an
  example; what it cannot say is told in the descriptions
- [released/](released): the same schemas as they were released; `make check` compares. An event
  that one of them takes is taken for ever

Of one entity 4 MiB are kept, its facts and days as JSON: some ten thousand days. An event that
would add to more is refused (`entity_full`).

Of each fact and entity one declared producer's word counts. An event of another source is refused
(`not_owner`), also where it corrects or takes back: [who owns a
fact](../gateway.md#who-owns-a-fact).

They are also at the producers' door: `/asyncapi.json`, `/openapi.json`, `/schemas/{type}.json`.
"""


def rendered() -> Mapping[str, str]:
    """Every generated file: its path below docs/contracts, and its text."""
    schemas = {
        f"{SCHEMAS}/{schema_file(fact)}": json_text(schema_of(fact)) for fact in FACTS.values()
    }
    return {
        "README.md": "\n".join(_page()),
        "asyncapi.json": json_text(asyncapi_document()),
        "openapi.json": json_text(openapi_document()),
        **schemas,
    }


def json_text(document: Mapping[str, JSON]) -> str:
    """A JSON document as people and diffs read it: indented, in UTF-8, in the order it was made."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _page() -> Iterator[str]:
    yield _HEAD
    keys = {spec.name: spec.key for spec in declared_topics()}
    for family in Family:
        topic = topic_name(family)
        yield f"## `{topic}`\n\nKey: `{keys[topic]}`\n"
        yield "| type | what it says | schema |\n|---|---|---|"
        for fact in facts_of(family):
            told = " ".join(description_of(fact).partition("\n\n")[0].split())
            yield f"| `{fact.TYPE}` | {told} | [{fact.NAME}]({SCHEMAS}/{schema_file(fact)}) |"
        yield ""
