"""From one YAML file to a checked model, or to all the mistakes in it with their lines."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from boundary.errors import SmartRegionError
from events.document import Document, Mistake, read_document
from events.errors import shown

__all__ = [
    "DeclarationError",
    "Fault",
    "InvalidDeclarationError",
    "choose",
    "mistake",
    "mistakes",
    "read_declaration",
    "read_model",
    "spoken",
]

Model = TypeVar("Model", bound=BaseModel)

_Path = tuple[str | int, ...]

_HARMLESS: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}")
"""A key that may be shown even where a file holds secrets: no secret of ours looks like it."""


class DeclarationError(SmartRegionError):
    """One mistake in a declared file."""

    def __init__(
        self, *, file: Path, line: int, field: str, problem: str, value: object, remedy: str
    ) -> None:
        told = "" if value is None else f" (value {shown(value)})"
        super().__init__(f"{file}:{line}: {field}: {problem}{told}: {remedy}")
        self.file = file
        self.line = line
        self.field = field
        self.problem = problem
        self.value = value
        self.remedy = remedy


class InvalidDeclarationError(SmartRegionError):
    """A declared file with mistakes: all of them, in the order of their lines."""

    def __init__(self, errors: Sequence[DeclarationError]) -> None:
        self.errors = tuple(sorted(errors, key=lambda error: (error.file, error.line)))
        super().__init__("\n".join(map(str, self.errors)))


class Fault(NamedTuple):
    """What is wrong at a line of a document, in the parts of an error's message."""

    line: int
    field: str
    problem: str
    value: object
    remedy: str


def read_declaration(
    file: Path, model: type[Model], *, secret: bool = False, context: object = None
) -> Model:
    """Read a YAML file as a model. Raises InvalidDeclarationError with every mistake.

    Of a `secret` file no value is repeated, nor a key that could be one. The model's validators
    find `context` in their `info`.
    """
    read, faults = read_model(read_document(file), model, secret=secret, context=context)
    if faults or read is None:
        raise InvalidDeclarationError(
            [DeclarationError(file=file, **fault._asdict()) for fault in faults]
        )
    return read


def read_model(
    document: Document,
    model: type[Model],
    *,
    words: Mapping[str, tuple[str, str]] = MappingProxyType({}),
    secret: bool = False,
    context: object = None,
) -> tuple[Model | None, Sequence[Fault]]:
    """Read a document as a model, or tell all that is wrong: what is not YAML, then what is not it.

    `words` has a problem and a remedy of one's own for some of pydantic's error types.
    """
    unread = {one.path for _, one in document.mistakes}
    found = [(line, *_parts(one)) for line, one in document.mistakes]
    read: Model | None = None
    try:
        if () not in unread:
            read = model.model_validate(document.data, context=context)
    except ValidationError as refusal:
        found += [
            (document.line(path), path, problem, value, remedy)
            for path, problem, value, remedy in _refusals(refusal, model, words)
            if path not in unread
        ]
    faults = [
        Fault(
            line,
            spoken(document.data, path, secret=secret),
            problem,
            None if secret else value,
            remedy,
        )
        for line, path, problem, value, remedy in found
    ]
    return None if faults else read, faults


def mistake(problem: str, value: object, remedy: str) -> PydanticCustomError:
    """What a validator of a declared model raises: the words of this project, not pydantic's."""
    return PydanticCustomError(
        "mistake", "{problem}", {"problem": problem, "shown": value, "remedy": remedy}
    )


def mistakes(model: type[BaseModel], found: Sequence[Mistake]) -> ValidationError:
    """What a model's own validator raises: several mistakes, each at its place in the model."""
    return ValidationError.from_exception_data(
        model.__name__,
        [
            InitErrorDetails(
                type=mistake(one.problem, one.value, one.remedy), loc=one.path, input=one.value
            )
            for one in found
        ],
    )


def choose(value: object, known: Collection[str]) -> str:
    """Say which of the known words to write: the nearest, or all where none is near."""
    near = get_close_matches(str(value)[:80], known, n=1, cutoff=0.7)
    return f"write '{near[0]}'" if near else f"write one of {', '.join(known)}"


def spoken(data: object, path: _Path, *, secret: bool = False) -> str:
    """Write a path as people say it: by ids where the items of a list have some."""
    told = ""
    for step in path:
        inner: object = None
        if isinstance(data, Mapping):
            inner = data.get(step)
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            inner = data[step]
        if isinstance(step, str):
            word = step if not secret or _HARMLESS.fullmatch(step) else "…"
            told += f".{word}" if told else word
        else:
            name = inner.get("id") if isinstance(inner, Mapping) else None
            told += f"[{name if isinstance(name, str) and not secret else step}]"
        data = inner
    return told or "file"


def _parts(one: Mistake) -> tuple[_Path, str, object, str]:
    return one.path, one.problem, one.value, one.remedy


def _refusals(
    refusal: ValidationError, model: type[BaseModel], words: Mapping[str, tuple[str, str]]
) -> Iterator[tuple[_Path, str, object, str]]:
    for error in refusal.errors(include_url=False):
        if error["type"] == "too_short" and error["input"]:
            continue  # Its items are refused already.
        # Pydantic's own step to a key that is wrong, of a mapping with keys of one's own.
        path = tuple(step for step in error["loc"] if step != "[key]")
        yield path, *_explained(error, path, model, words)


def _explained(
    error: ErrorDetails,
    path: _Path,
    model: type[BaseModel],
    words: Mapping[str, tuple[str, str]],
) -> tuple[str, object, str]:
    """Turn pydantic's error into a problem, the value, and a remedy in this project's words."""
    kind, value = error["type"], error["input"]
    context: Mapping[str, Any] = error.get("ctx", {})
    if kind == "mistake":
        return str(context["problem"]), context["shown"], str(context["remedy"])
    key = str(path[-1]) if path else "file"
    if kind == "missing":
        return "is missing", None, f"add {key}"
    if kind == "extra_forbidden":
        return "is not a known key here", key, choose(key, _known_keys(model, path[:-1]))
    if kind in ("enum", "literal_error"):
        expected = str(context["expected"]).replace(" or ", ", ").replace("'", "").split(", ")
        return "is not a known value", value, choose(value, expected)
    unexplained = error["msg"], "see the documentation of this file"
    problem, remedy = words.get(kind) or _EXPLANATIONS.get(kind) or unexplained
    return problem, value, remedy.format_map(context)


_EXPLANATIONS: Final[Mapping[str, tuple[str, str]]] = {
    "date_type": ("is not a day", "write a day as 2020-12-31, without quotes"),
    "string_type": ("is not text", "write text, in quotes if it looks like a number or a day"),
    "string_too_short": ("is too short", "write at least {min_length} characters"),
    "string_too_long": ("is too long", "write at most {max_length} characters"),
    "string_pattern_mismatch": ("does not have the right form", "write it as {pattern}"),
    "int_type": ("is not a whole number", "write digits, without quotes"),
    "bool_type": ("is not true or false", "write true or false, without quotes"),
    "greater_than": ("is out of range", "write more than {gt}"),
    "greater_than_equal": ("is out of range", "write at least {ge}"),
    "less_than_equal": ("is out of range", "write at most {le}"),
    "tuple_type": ("is not a list", "write each item after a dash"),
    "too_short": ("is empty", "write at least {min_length} item"),
    "model_type": ("is not a mapping", "write keys and values"),
    "dict_type": ("is not a mapping", "write keys and values"),
}


def _known_keys(model: type[BaseModel], path: _Path) -> list[str]:
    """List the keys that a declaration may have at a path."""
    holder = model
    for step in path:
        fields = _by_key(holder)
        # A model that is itself a mapping or a list holds everything in its root.
        field = fields.get(str(step)) or fields.get("root")
        if field is not None:
            holder = next(_models(field.annotation), holder)
    return list(_by_key(holder))


def _by_key(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    """Find the models that an annotation holds: `tuple[Producer, ...]` holds one."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)
