"""Reads one YAML file as a checked model, or reports all of its mistakes with their lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from boundary.diagnostic import Diagnostic
from boundary.errors import SmartRegionError
from events.document import Document, read_document
from events.explanation import declaration_diagnostics

Model = TypeVar("Model", bound=BaseModel)

#: A YAML parser quotes an unknown alias, such as `*` before a secret.
_QUOTED: Final = re.compile(r"'[^']{3,}'")


class InvalidDeclarationError(SmartRegionError):
    """All mistakes in declared files, file by file, in the order of their lines."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(sorted(diagnostics, key=lambda one: (str(one.file), one.line)))
        super().__init__("\n".join(map(str, self.diagnostics)))


def read_declaration(
    file: Path, model: type[Model], *, secret: bool = False, context: object = None
) -> Model:
    """Read a YAML file as a model. Raises InvalidDeclarationError with every mistake.

    Errors in a `secret` file repeat no value, nor a key that could be one. The model's validators
    find `context` in their `info`.
    """
    read, diagnostics = read_model(read_document(file), model, secret=secret, context=context)
    if read is None:
        raise InvalidDeclarationError(diagnostics)
    return read


def read_model(
    document: Document, model: type[Model], *, secret: bool = False, context: object = None
) -> tuple[Model | None, Sequence[Diagnostic]]:
    """Read a document as a model; return None and all mistakes if there are any.

    YAML errors come first, then those of the model.
    """
    unread = {one.path for one in document.diagnostics}
    found = document.diagnostics
    read: Model | None = None
    try:
        if () not in unread:
            read = model.model_validate(document.data, context=context)
    except ValidationError as error:
        misfits = declaration_diagnostics(error, model)
        found = [*found, *(document.locate(one) for one in misfits if one.path not in unread)]
    if secret:
        found = [
            replace(
                one,
                problem=_QUOTED.sub("'…'", one.problem),
                value=None,
                field=document.field(one.path, secret=True),
            )
            for one in found
        ]
    return None if found else read, found


def invalid(problem: str, value: object, remedy: str) -> PydanticCustomError:
    """Return the error that a validator of a declared model raises."""
    return PydanticCustomError(
        "invalid", "{problem}", {"problem": problem, "shown": value, "remedy": remedy}
    )


def invalid_model(model: type[BaseModel], found: Iterable[Diagnostic]) -> ValidationError:
    """Return the error that a model's own validator raises: several mistakes with their paths."""
    return ValidationError.from_exception_data(
        model.__name__,
        [
            InitErrorDetails(
                type=invalid(one.problem, one.value, one.remedy), loc=one.path, input=one.value
            )
            for one in found
        ],
    )
