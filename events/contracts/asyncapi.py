"""The AsyncAPI 3 document: the topics, their writers, and the content of records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from events.contracts.client_schemas import event_name, spelled_out
from events.contracts.json_schema import description_of, schema_of
from events.document import data_beside
from events.fact import JSON, Fact, Family
from events.registry import FACTS, facts_of
from events.topics import TopicSpec, declared_topics, topic_name

KAFKA_BINDING: Final = "0.5.0"
STRUCTURED: Final = "application/cloudevents+json"
JSON_DATA: Final = "application/json"


def asyncapi_document() -> dict[str, JSON]:
    """Return the document of the registered facts and the declared topics.

    The monitor is the receiver. The document names no server, since each installation has its own,
    and contains all schemas, in a form that is also valid for draft 7 and AsyncAPI's dialect.
    """
    topics = {spec.name: spec for spec in declared_topics()}
    schemas: dict[str, Any] = {}
    for fact in FACTS.values():
        schema = spelled_out(schema_of(fact))
        schemas |= schema["$defs"]
        # The dialect is the document's, and the name of a model is its title.
        content = {name: part for name, part in schema.items() if not name.startswith("$")}
        schemas[_label(fact)] = content | {"title": event_name(fact)}
    return {
        **data_beside(__file__),
        "channels": {
            family.value: _channel(family, topics[topic_name(family)]) for family in Family
        },
        "operations": {
            f"receive-{family.value}": {
                "action": "receive",
                "channel": {"$ref": f"#/channels/{family.value}"},
                "summary": f"Take what producers send about {family.value}.",
            }
            for family in Family
        },
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


def _messages(fact: type[Fact]) -> Iterator[tuple[str, JSON]]:
    """Yield a fact's two messages by name, one per content mode."""
    label = _label(fact)
    key = next(spec.key for spec in declared_topics() if spec.name == topic_name(fact.FAMILY))
    attributes = schema_of(fact)["properties"]
    required = ("specversion", "id", "source", "type", "time")
    binary = {f"ce_{name}": attributes[name] for name in required}
    for name, content_type, payload, headers in (
        (label, STRUCTURED, label, {}),
        (f"{label}.binary", JSON_DATA, fact.__name__, binary),
    ):
        properties = {**headers, "content-type": {"type": "string", "const": content_type}}
        message: JSON = {
            "name": fact.TYPE,
            "title": fact.NAME,
            "summary": description_of(fact).partition("\n")[0],
            "description": description_of(fact),
            "bindings": {
                "kafka": {
                    "key": {"type": "string", "description": f"the entity: {key}"},
                    "bindingVersion": KAFKA_BINDING,
                }
            },
            "contentType": content_type,
            "headers": {
                "type": "object",
                "required": list(properties),
                "properties": properties,
            },
            "payload": {"$ref": f"#/components/schemas/{payload}"},
        }
        yield name, message
