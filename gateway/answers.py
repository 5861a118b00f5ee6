"""The JSON objects that the gateway answers with, and their schemas.

They are typed dictionaries: an answer is serialised without a copy, and its schema in the OpenAPI
document follows from the same declaration.
"""

from __future__ import annotations

from typing import Annotated, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter, with_config
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema
from typing_extensions import TypedDict  # The only one that pydantic accepts before 3.12.

from events.fact import JSON


class Receipt(TypedDict):
    """The broker has the event, at this position."""

    id: str
    source: str
    topic: str
    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[
        Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})] | None,
        Field(description="Null if the broker no longer knew the offset, after a retry."),
    ]


class Receipts(TypedDict):
    """Every event was accepted."""

    receipts: list[Receipt]


class ProblemMembers(TypedDict, total=False):
    """The members that a problem may have besides those of RFC 9457.

    Never a secret or a person's data, and never anything of another producer.
    """

    field: Annotated[str, Field(description="What the problem is about.")]
    value: Annotated[
        str | None, Field(description="The value found there, shortened; null if there was none.")
    ]
    remedy: str
    limit: int
    items: list[Item]


class Problem(ProblemMembers):
    """Problem details (RFC 9457)."""

    type: Annotated[str, Field(json_schema_extra={"format": "uri-reference"})]
    title: str
    status: int
    detail: str


class Item(TypedDict):
    """The outcome of one event of a batch: a receipt or a problem."""

    index: Annotated[int, Field(ge=0)]
    status: Annotated[int, Field(description="As if it had been sent alone.")]
    receipt: NotRequired[Receipt]
    problem: NotRequired[Problem]


@with_config(ConfigDict(json_schema_extra={"minProperties": 1}))
class BatchAnswer(TypedDict, total=False):
    """The outcome of a batch.

    `receipts` if every event was accepted (202), `items` if some events were not (207).
    """

    receipts: list[Receipt]
    items: list[Item]


def answer_schemas() -> dict[str, JSON]:
    """Return the schema of each answer by its name among the OpenAPI document's components."""
    answers: TypeAdapter[object] = TypeAdapter(Receipts | BatchAnswer | Problem)
    generated = answers.json_schema(
        ref_template="#/components/schemas/{model}", schema_generator=_AnswerSchemaGenerator
    )
    return {schema.pop("title"): schema for schema in generated["$defs"].values()}


class _AnswerSchemaGenerator(GenerateJsonSchema):
    """Writes schemas as generators of clients read them: integers sized, no `anyOf` with null."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002
        return False

    def int_schema(self, schema: core_schema.IntSchema) -> JsonSchemaValue:
        return {**super().int_schema(schema), "format": "int32"}

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        inner = self.generate_inner(schema["schema"])
        return {**inner, "type": [inner["type"], "null"]}
