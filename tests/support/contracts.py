"""Events drawn by Hypothesis from a JSON Schema of ours, as a producer's own tests would."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

from hypothesis import strategies as st

from events.identifiers import FIRST_DAY

_FORMATS: Final[Mapping[str, st.SearchStrategy[str]]] = {
    "date": st.dates(FIRST_DAY, date(2035, 12, 31)).map(date.isoformat),
    "date-time": st.datetimes(
        datetime(2010, 1, 1),  # noqa: DTZ001 - Hypothesis adds the zone
        datetime(2040, 1, 1),  # noqa: DTZ001
        timezones=st.just(UTC),
    ).map(datetime.isoformat),
}
_LARGEST: Final = 10**12
_CHARACTERS: Final = st.characters(codec="utf-8")


def drawn_from(schema: Mapping[str, Any], whole: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 - a strategy of any JSON
    """Return a strategy of values that a schema accepts; its definitions are in `whole`, if given.

    It supports the keywords that our schemas use.
    """
    whole = schema if whole is None else whole
    if "$ref" in schema:
        return drawn_from(whole["$defs"][schema["$ref"].rpartition("/")[2]], whole)
    if "anyOf" in schema:
        return st.one_of([drawn_from(form, whole) for form in schema["anyOf"]])
    if "const" in schema or "enum" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    return _objects(schema, whole) if schema["type"] == "object" else _plain(schema)


def _objects(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    fields = {name: drawn_from(part, whole) for name, part in schema.get("properties", {}).items()}
    required = schema.get("required", ())
    known = st.fixed_dictionaries(
        {name: field for name, field in fields.items() if name in required},
        optional={name: field for name, field in fields.items() if name not in required},
    )
    if schema["additionalProperties"] is False:
        return known
    names = drawn_from({"type": "string", **schema["propertyNames"]}, whole)
    others = st.dictionaries(
        names.filter(lambda name: name not in fields),
        drawn_from(schema["additionalProperties"], whole),
        max_size=3,
    )
    return st.builds(lambda one, other: {**other, **one}, known, others)


def _plain(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    match schema["type"]:
        case "string":
            return _texts(schema)
        case "integer":
            lowest = schema.get("minimum", schema.get("exclusiveMinimum", -_LARGEST - 1) + 1)
            return st.integers(lowest, schema.get("maximum", _LARGEST))
        case "number":
            return st.floats(schema["minimum"], schema["maximum"])
        case "boolean":
            return st.booleans()
    return st.none()


def _texts(schema: Mapping[str, Any]) -> st.SearchStrategy[str]:
    if "format" in schema:
        return _FORMATS[schema["format"]]
    shortest, longest = schema.get("minLength", 0), schema.get("maxLength")
    if "pattern" not in schema:
        return st.text(_CHARACTERS, min_size=shortest, max_size=longest)
    # Python's $ also stands before a last newline; JSON Schema's does not.
    pattern = schema["pattern"].removesuffix("$") + (r"\Z" if schema["pattern"][-1] == "$" else "")
    return st.from_regex(pattern, alphabet=_CHARACTERS).filter(
        lambda text: shortest <= len(text) and (longest is None or len(text) <= longest)
    )
