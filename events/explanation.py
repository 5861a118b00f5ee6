"""Translates pydantic's errors in events and declared files into this project's words."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from itertools import islice
from typing import Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from boundary.diagnostic import Diagnostic, FieldPath, choose, shown
from events.document import data_beside
from events.errors import ContractError, RefusalReason
from events.fact import TYPE_PREFIX, Fact

_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")

_WORDS: Final[Mapping[str, Mapping[str, str]]] = data_beside(__file__)
NUMBER_REMEDY: Final = _WORDS["decimal_type"]["remedy"]

REMOVE_MARK: Final = "remove the byte order mark: save the text as UTF-8 without one"
"""RFC 8259 (8.1) forbids sending one; a text kept as received must be readable for everybody."""
_NAMES_COMPARED: Final = 16
"""How many unknown names of an event are compared with a missing one: no fact has more fields."""
_NEAR_FIELD: Final = 0.75
_NEAR_TYPE: Final = 0.7
_LONGEST_TYPE: Final = 128
_PREFIX: Final = f"{TYPE_PREFIX}."
_VERSION: Final = re.compile(r"\.v[0-9]*\Z")


def json_refusal(details: ErrorDetails, field: str) -> ContractError:
    """Return the refusal of text that is not JSON; `field` is the part with the text."""
    return ContractError(
        RefusalReason.INVALID_JSON,
        field,
        details["input"],
        REMOVE_MARK if _begins_with_mark(details["input"]) else "send one JSON object in UTF-8",
        problem=f"is not valid JSON ({details['ctx']['error']})",
    )


def _begins_with_mark(text: object) -> bool:
    return text[:3] == BOM_UTF8 if isinstance(text, bytes) else str(text)[:1] == "\ufeff"


def type_refusal(found: object, known: Collection[str]) -> ContractError:
    """Return the refusal of an event type that is absent, not text, or unknown."""
    if not isinstance(found, str) or not found:
        return ContractError(
            RefusalReason.INVALID_ENVELOPE,
            "type",
            found,
            f"name the event's type, such as {next(iter(known))!r}",
            problem="is missing" if found is None else "is not the name of a type",
        )
    # Long names are truncated: the search for similar ones takes time in proportion.
    near = _near_type(found[:_LONGEST_TYPE], tuple(known))
    remedy = f"send one of: {', '.join(known)}" if near is None else f"did you mean {near!r}?"
    return ContractError(RefusalReason.UNKNOWN_TYPE, "type", found, remedy)


#: Cached: a producer misspells a type in thousands of events.
@lru_cache(maxsize=1024)
def _near_type(found: str, known: tuple[str, ...]) -> str | None:
    by_name = {_bare_name(one): one for one in known}
    near = get_close_matches(_bare_name(found), by_name, n=1, cutoff=_NEAR_TYPE)
    return by_name[near[0]] if near else None


def _bare_name(found: str) -> str:
    """Return the distinctive part of a type: `school.connected`."""
    name = _VERSION.sub("", found.lower())
    if name.startswith(_PREFIX):
        return name.removeprefix(_PREFIX)
    return ".".join(name.split(".")[-2:])


def field_refusal(details: ErrorDetails, path: FieldPath, owner: type[BaseModel]) -> ContractError:
    """Return the refusal of one field: `path` is from the envelope, `owner` declares the field."""
    in_fact = issubclass(owner, Fact)
    names = path[1:] if in_fact else path
    is_extension = not in_fact and names[0] not in owner.model_fields
    found = _explained(
        details,
        names[:1] if is_extension else path,
        _json_problem(details, names, owner),
        _json_remedy(details, names, owner),
    )
    return ContractError(
        _reason(details, in_fact=in_fact or path == ("data",)),
        ".".join(map(_step, found.path)),
        found.value,
        _extension_remedy(names) if is_extension else found.remedy,
        problem=_extension_problem(names) if is_extension else found.problem,
    )


def declaration_diagnostics(error: ValidationError, model: type[BaseModel]) -> Iterator[Diagnostic]:
    """Yield the mistakes in a declared file that keep it from being a `model`."""
    for details in error.errors(include_url=False):
        kind, value = details["type"], details["input"]
        if kind == "too_short" and value:
            continue  # Its items are already refused.
        path = details["loc"]
        key = str(path[-1]) if path else "file"
        if kind == "extra_forbidden":
            details["input"] = key
            remedy = choose(key, _known_keys(model, path[:-1]))
        elif kind in ("enum", "literal_error"):
            expected = str(details["ctx"]["expected"]).replace(" or ", ", ").replace("'", "")
            remedy = choose(value, expected.split(", "))
        else:
            remedy = _WORDS.get(kind, {}).get("remedy", "see the documentation of this file")
            remedy = remedy.format_map({"key": key, **details.get("ctx", {})})
        yield _explained(details, path, _WORDS.get(kind, {}).get("file"), remedy)


def _explained(
    details: ErrorDetails, path: FieldPath, problem: str | None, remedy: str
) -> Diagnostic:
    """Return the diagnostic of one error; this project's validators have their own words."""
    # Pydantic's own step to a wrong key, in a mapping with user-defined keys.
    path = tuple(step for step in path if step != "[key]")
    context = details.get("ctx", {})
    value = None if details["type"] == "missing" else details["input"]
    message = details["msg"].removeprefix("Input ")
    message = message[:1].lower() + message[1:]
    if "remedy" in context:
        return Diagnostic(path, message, context.get("shown", value), str(context["remedy"]))
    return Diagnostic(path, problem or message, value, remedy)


def _known_keys(model: type[BaseModel], path: FieldPath) -> list[str]:
    """Return the keys allowed in a declaration at a path."""
    holder = model
    for step in path:
        fields = _by_key(holder)
        # A model that is itself a mapping or a list keeps everything in its root.
        field = fields.get(str(step)) or fields.get("root")
        if field is not None:
            holder = next(_models(field.annotation), holder)
    return list(_by_key(holder))


def _by_key(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    """Yield the models in an annotation: `tuple[Producer, ...]` has one."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _step(name: int | str) -> str:
    # An unknown field's name comes from the producer: it may be empty or have any length.
    text = str(name)
    return text if _PLAIN_NAME.match(text) else shown(text)


def _reason(details: ErrorDetails, *, in_fact: bool) -> RefusalReason:
    if not in_fact:
        return RefusalReason.INVALID_ENVELOPE
    # Only days have a lower bound that is text in the error's context.
    if details["type"] == "greater_than_equal" and isinstance(details["ctx"]["ge"], str):
        return RefusalReason.DAY_OUT_OF_RANGE
    return RefusalReason.INVALID_DATA


def _json_problem(details: ErrorDetails, names: FieldPath, owner: type[BaseModel]) -> str | None:
    if details["type"] == "missing" and len(names) == 1:
        near = _misspelling(str(names[0]), details["input"], owner.model_fields)
        if near:
            return f"is missing, and {near!r} is unknown (a misspelling?)"
    return _WORDS.get(details["type"], {}).get("event")


def _misspelling(missing: str, found: object, known: Collection[str]) -> str | None:
    """Return the unknown name that probably stands for a missing one, if any.

    Only names in the form of a field's are compared, and only one similar to the field's is
    returned: an unknown name may be anything, even personal data.
    """
    if not isinstance(found, dict):
        return None
    unknown = (name for name in found if name not in known and _PLAIN_NAME.match(name))
    return _meant(missing, tuple(islice(unknown, _NAMES_COMPARED)))


#: Cached, as types are.
@lru_cache(maxsize=128)
def _meant(missing: str, names: tuple[str, ...]) -> str | None:
    candidates = {name.lower(): name for name in names}
    for lowered, name in candidates.items():
        # Swapped letters make a short name seem rather different.
        if sorted(lowered) == sorted(missing):
            return name
    near = get_close_matches(missing, candidates, n=1, cutoff=_NEAR_FIELD)
    return candidates[near[0]] if near else None


def _json_remedy(details: ErrorDetails, names: FieldPath, owner: type[BaseModel]) -> str:
    if details["type"] == "extra_forbidden":
        return f"remove it; the fields are {', '.join(owner.model_fields)}"
    if details["type"] == "enum":
        return f"send one of {details['ctx']['expected']}"
    field = owner.model_fields.get(str(names[0])) if names else None
    what = field.description if field is not None else None
    verb = "add it" if details["type"] == "missing" else "send"
    example = f", such as {field.examples[0]!r}" if field is not None and field.examples else ""
    return f"{verb}: {what or 'the fact as a JSON object'}{example}"


def _extension_problem(names: FieldPath) -> str:
    if len(names) == 1:
        return "is not the name of a CloudEvents attribute"
    return "is not the value of a CloudEvents attribute"


def _extension_remedy(names: FieldPath) -> str:
    if len(names) == 1:
        return "name extensions with lower-case letters and digits; put the fact in `data`"
    return "give extensions text, a whole number or a boolean; put the fact in `data`"
