"""The documents that the gateway serves: OpenAPI, AsyncAPI, and the JSON Schema of each event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Final

from boundary.generated_files import GeneratedFiles
from events.contracts.asyncapi import asyncapi_document
from events.contracts.json_schema import json_text, schema_file, schema_of
from events.fact import JSON
from events.registry import FACTS
from gateway.openapi import openapi_document

SCHEMAS: Final = "schemas"

DOCUMENTS: Final[Mapping[str, Callable[[], Mapping[str, JSON]]]] = {
    "asyncapi.json": asyncapi_document,
    "openapi.json": openapi_document,
    **{f"{SCHEMAS}/{schema_file(fact)}": partial(schema_of, fact) for fact in FACTS.values()},
}
"""The function that makes each document, by its path below the gateway's address."""


@cache  # The documents follow from the code: they do not change while the process lives.
def document_text(path: str) -> str:
    """Return a self-contained document. Raises KeyError if there is none at this path."""
    return json_text(DOCUMENTS[path]())


def document_files(folder: Path) -> GeneratedFiles:
    """Return every document by its path below a folder, and the pattern of outdated ones."""
    texts = {path: document_text(path) for path in DOCUMENTS}
    return GeneratedFiles(folder, texts, ours=(f"{SCHEMAS}/*.json",))
