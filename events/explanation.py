"""From pydantic's account of what is wrong to one refusal that a producer can act on."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Collection
from difflib import get_close_matches
from itertools import islice
from typing import Final

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from events.errors import ContractError, RefusalReason, shown
from events.fact import Fact

__all__ = ["REMOVE_MARK", "Path", "field_refusal", "json_refusal", "type_refusal"]

Path = tuple[int | str, ...]
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")

PROBLEMS: Final = {
    "missing": "is missing",
    "extra_forbidden": "is not a field of this fact",
    "string_pattern_mismatch": "does not have the right form",
    "enum": "is not one of the known values",
    "date_type": "is not a day",
    "datetime_type": "is not a time",
    "model_type": "is not a JSON object",
    "dict_type": "is not a JSON object",
}
"""Our words for the commonest of pydantic's error types; the others keep pydantic's."""

REMOVE_MARK: Final = "remove the byte order mark: save the text as UTF-8 without one"
"""RFC 8259 (8.1) has texts sent without one; what is kept as it came must be so for all readers."""
_NAMES_COMPARED: Final = 64
_NEAR: Final = 0.75


def json_refusal(details: ErrorDetails, field: str) -> ContractError:
    """The refusal of text that is not JSON; `field` says which text."""
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
    """The refusal of an event type that is absent, not text, or unknown, with the nearest one."""
    if not isinstance(found, str) or not found:
        return ContractError(
            RefusalReason.INVALID_ENVELOPE,
            "type",
            found,
            f"name the event's type, such as {next(iter(known))!r}",
            problem="is missing" if found is None else "is not the name of a type",
        )
    # Long names are cut: looking for near ones takes time that grows with their length.
    near = get_close_matches(found[:128], known, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else f"send one of: {', '.join(known)}"
    return ContractError(RefusalReason.UNKNOWN_TYPE, "type", found, remedy)


def field_refusal(details: ErrorDetails, path: Path, owner: type[BaseModel]) -> ContractError:
    """The refusal of one field: `path` leads to it from the envelope, `owner` declares it."""
    in_fact = issubclass(owner, Fact)
    names = path[1:] if in_fact else path
    is_extension = not in_fact and names[0] not in owner.model_fields
    return ContractError(
        _reason(details, in_fact=in_fact or path == ("data",)),
        ".".join(_step(name) for name in (names[:1] if is_extension else path) if name != "[key]"),
        None if details["type"] == "missing" else details["input"],
        _extension_remedy(names) if is_extension else _remedy(details, names, owner),
        problem=_extension_problem(names) if is_extension else _problem(details, names, owner),
    )


def _step(name: int | str) -> str:
    # An unknown field's name is the producer's text: it may be empty, or have any length.
    text = str(name)
    return text if _PLAIN_NAME.match(text) else shown(text)


def _reason(details: ErrorDetails, *, in_fact: bool) -> RefusalReason:
    if not in_fact:
        return RefusalReason.INVALID_ENVELOPE
    # Days are the only values with a lower bound that is text in the error's context.
    if details["type"] == "greater_than_equal" and isinstance(details["ctx"]["ge"], str):
        return RefusalReason.DAY_OUT_OF_RANGE
    return RefusalReason.INVALID_DATA


def _problem(details: ErrorDetails, names: Path, owner: type[BaseModel]) -> str:
    known = PROBLEMS.get(details["type"])
    if details["type"] == "missing" and len(names) == 1:
        near = _misspelling(str(names[0]), details["input"], owner.model_fields)
        return f"is missing, and {near!r} is unknown (a misspelling?)" if near else "is missing"
    if known is not None:
        return known
    message = details["msg"].removeprefix("Input ")
    return message[:1].lower() + message[1:]


def _misspelling(missing: str, found: object, known: Collection[str]) -> str | None:
    """The unknown name that was probably meant for a missing one, where there is one.

    Only names like those of fields are compared, and only one that is near the field's is told: an
    unknown name may be anything, a person's data too.
    """
    if not isinstance(found, dict):
        return None
    unknown = (name for name in found if name not in known and _PLAIN_NAME.match(name))
    candidates: dict[str, str] = {name.lower(): name for name in islice(unknown, _NAMES_COMPARED)}
    for lowered, name in candidates.items():
        # Letters that changed places make a short name rather different.
        if sorted(lowered) == sorted(missing):
            return name
    near = get_close_matches(missing, candidates, n=1, cutoff=_NEAR)
    return candidates[near[0]] if near else None


def _remedy(details: ErrorDetails, names: Path, owner: type[BaseModel]) -> str:
    context = details.get("ctx", {})
    if "remedy" in context:  # Our own checks bring theirs.
        return str(context["remedy"])
    if details["type"] == "extra_forbidden":
        return f"remove it; the fields are {', '.join(owner.model_fields)}"
    if details["type"] == "enum":
        return f"send one of {context['expected']}"
    field = owner.model_fields.get(str(names[0])) if names else None
    what = field.description if field is not None else None
    verb = "add it" if details["type"] == "missing" else "send"
    example = f", such as {field.examples[0]!r}" if field is not None and field.examples else ""
    return f"{verb}: {what or 'the fact as a JSON object'}{example}"


def _extension_problem(names: Path) -> str:
    if len(names) == 1:
        return "is not the name of a CloudEvents attribute"
    return "is not the value of a CloudEvents attribute"


def _extension_remedy(names: Path) -> str:
    if len(names) == 1:
        return "name extensions with lower-case letters and digits; put the fact in `data`"
    return "give extensions text, a whole number or a boolean; put the fact in `data`"
