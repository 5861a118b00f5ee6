"""The AsyncAPI 3 document: the topics, their writers, and the content of records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from events.contracts.client_schemas import event_name, spelled_out
from events.contracts.json_schema import description_of, schema_of
from events.fact import JSON, Fact, Family
from events.registry import FACTS, facts_of
from events.topics import TopicSpec, declared_topics, topic_name

ASYNCAPI: Final = "3.0.0"
KAFKA_BINDING: Final = "0.5.0"
STRUCTURED: Final = "application/cloudevents+json"
JSON_DATA: Final = "application/json"

_INTRODUCTION: Final = """\
What the Région's systems send to the Smart Région monitor: CloudEvents 1.0 on Apache Kafka, a topic
for each family of entities. A record holds one event, in structured or in binary content mode.

`data` is a JSON object: `data_base64` is refused by its name.

The key of a record is the entity's identifier in UTF-8, and its partition that of Java's default
partitioner (murmur2): all that is said of an entity is then read in order.

Events are never altered. A correction is a new event of the same type, entity and day with a later
`time`; a retraction is one with `retracted: true`. The same `source` and `id` sent twice count
once.

Records may be compressed with any of Kafka's codecs. A record takes at most 256 KiB, and a batch
unpacks to at most 64 MiB."""


def asyncapi_document() -> dict[str, JSON]:
    """Return the document of the registered facts and the declared topics.

    The monitor is the receiver. The document names no server, since each installation has its own,
    and contains all schemas, in a form that is also valid for draft 7 and AsyncAPI's dialect.
    """
    topics = {spec.name: spec for spec in declared_topics()}
    schemas: dict[str, Any] = {}
    for fact in FACTS.values():
        schema = spelled_out(schema_of(fact))
        schemas |= {name: _moved(part) for name, part in schema["$defs"].items()}
        # The dialect is the document's, and the name of a model is its title.
        content = {name: part for name, part in schema.items() if not name.startswith("$")}
        schemas[_label(fact)] = _moved(content | {"title": event_name(fact)})
    return {
        "asyncapi": ASYNCAPI,
        "info": {
            "title": "Smart Région monitor",
            "version": "1.0.0",
            "description": _INTRODUCTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": STRUCTURED,
        "channels": {
            family.value: _channel(family, topics[topic_name(family)]) for family in Family
        },
        "operations": {f"receive-{family.value}": _operation(family) for family in Family},
        "components": {
            "messages": dict(message for fact in FACTS.values() for message in _messages(fact)),
            "schemas": schemas,
        },
    }


def _label(fact: type[Fact]) -> str:
    return f"{fact.NAME}.v{fact.VERSION}"


def _channel(family: Family, topic: TopicSpec) -> JSON:
    names = [name for fact in facts_of(family) for name, _ in _messages(fact)]
    return {
        "address": topic.name,
        "title": family.value,
        "description": f"Facts about {family.value}; a record's key is `{topic.key}`.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": {
                    "cleanup.policy": ["compact" if topic.compacted else "delete"],
                    "retention.ms": -1 if topic.retention_ms is None else topic.retention_ms,
                },
                "bindingVersion": KAFKA_BINDING,
            }
        },
    }


def _operation(family: Family) -> JSON:
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{family.value}"},
        "summary": f"Take what producers send about {family.value}.",
    }


def _messages(fact: type[Fact]) -> Iterator[tuple[str, JSON]]:
    """Yield a fact's two messages by name, one per content mode."""
    label = _label(fact)
    key = next(spec.key for spec in declared_topics() if spec.name == topic_name(fact.FAMILY))
    common: dict[str, JSON] = {
        "title": fact.NAME,
        "summary": description_of(fact).partition("\n")[0],
        "description": description_of(fact),
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": f"the entity: {key}"},
                "bindingVersion": KAFKA_BINDING,
            }
        },
    }
    yield (
        label,
        {
            "name": fact.TYPE,
            **common,
            "contentType": STRUCTURED,
            "headers": _headers({"content-type": _constant(STRUCTURED)}),
            "payload": {"$ref": f"#/components/schemas/{label}"},
        },
    )
    yield (
        f"{label}.binary",
        {
            "name": fact.TYPE,
            **common,
            "contentType": JSON_DATA,
            "headers": _headers(_binary_headers(fact)),
            "payload": {"$ref": f"#/components/schemas/{fact.__name__}"},
        },
    )


def _headers(properties: Mapping[str, JSON]) -> JSON:
    return {"type": "object", "required": list(properties), "properties": dict(properties)}


def _binary_headers(fact: type[Fact]) -> dict[str, JSON]:
    attributes = schema_of(fact)["properties"]
    required = ("specversion", "id", "source", "type", "time")
    headers = {f"ce_{name}": attributes[name] for name in required}
    return {**headers, "content-type": _constant(JSON_DATA)}


def _constant(text: str) -> JSON:
    return {"type": "string", "const": text}


def _moved(part: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    """Return a part of a schema with references to the document's schemas."""
    if isinstance(part, dict):
        return {
            name: value.replace("#/$defs/", "#/components/schemas/")
            if name == "$ref"
            else _moved(value)
            for name, value in part.items()
        }
    return [_moved(item) for item in part] if isinstance(part, list) else part
