"""The compatibility check: which valid events of a released schema a changed one would refuse."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from events.identifiers import ALSO_CHECKED

_Schema = Mapping[str, Any]

ANYTHING: Final[_Schema] = {}

# Annotations: they refuse nothing.
_ANNOTATIONS: Final = frozenset(
    {"$comment", "$defs", "$id", "$schema", "default", "description", "examples", "title"}
)
# Keywords that refuse unless they are unchanged: patterns, for example, are not compared.
_EXACT: Final = frozenset({"format", "pattern"})
_SIZES_AT_MOST: Final = frozenset({"maxItems", "maxLength", "maxProperties"})
_SIZES_AT_LEAST: Final = frozenset({"minItems", "minLength", "minProperties"})
_JUDGED: Final = (
    _ANNOTATIONS | _EXACT | _SIZES_AT_MOST | _SIZES_AT_LEAST
    | {"$ref", "additionalProperties", "anyOf", "const", "enum", "exclusiveMaximum"}
    | {"exclusiveMinimum", "items", "maximum", "minimum", "properties", "propertyNames"}
    | {"required", "type"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Breach:
    """A change that refuses values accepted by a released schema."""

    path: str
    """The path from the envelope: `data.downlink_mbps`."""
    change: str
    """The stricter rule: `maximum is 1000, was 1000000000`."""

    def __str__(self) -> str:
        return f"{self.path or 'the event'}: {self.change}"


def breaches(released: _Schema, current: _Schema) -> tuple[Breach, ...]:
    """Return every way in which `current` may refuse a value that `released` accepts.

    Both are schemas with their definitions in `$defs`, as `schema_of` returns them. A change of a
    keyword that cannot be compared counts as a breach.
    """
    return tuple(_compared(_inlined(released, released), _inlined(current, current), ""))


def _inlined(part: Any, whole: _Schema) -> Any:  # noqa: ANN401 - JSON of any shape
    """Return a part of a schema with its definitions in place of the references to them.

    Keywords beside a reference are annotations.
    """
    if isinstance(part, list):
        return [_inlined(one, whole) for one in part]
    if not isinstance(part, dict):
        return part
    written = {name: _inlined(one, whole) for name, one in part.items() if name != "$defs"}
    if "$ref" not in written:
        return written
    name = written["$ref"].rpartition("/")[2]
    return {**_inlined(whole["$defs"][name], whole), **written}


def _compared(was: _Schema, now: _Schema, path: str) -> Iterator[Breach]:
    if "anyOf" in was or "anyOf" in now:
        yield from _alternatives(was, now, path)
        return
    for rule in (_kinds, _values, _bounds, _sizes, _exact, _checks, _unjudged):
        yield from (Breach(path, change) for change in rule(was, now))
    yield from _fields(was, now, path)
    for keyword, below in (("propertyNames", "(a name)"), ("items", "[]")):
        if keyword in now:
            yield from _compared(was.get(keyword, ANYTHING), now[keyword], f"{path}{below}")


def _alternatives(was: _Schema, now: _Schema, path: str) -> Iterator[Breach]:
    """Yield a breach for each released alternative that no current one accepts."""
    allowed = _forms(now)
    for form in _forms(was):
        judged = [tuple(_compared(form, other, path)) for other in allowed]
        if () in judged:
            continue
        if len(judged) == 1:
            yield from judged[0]
        else:
            yield Breach(path, f"no longer takes the form {form}")


def _forms(schema: _Schema) -> list[dict[str, Any]]:
    """Return the alternatives of `anyOf`, each with the keywords beside it."""
    beside = {name: part for name, part in schema.items() if name != "anyOf"}
    return [{**beside, **form} for form in schema.get("anyOf", [{}])]


def _kinds(was: _Schema, now: _Schema) -> Iterator[str]:
    if "type" not in now:
        return
    before, after = _listed(was.get("type")), set(_listed(now["type"]))
    if "number" in after:
        after.add("integer")
    if not before or not after.issuperset(before):
        yield f"type is {now['type']}, was {was.get('type', 'any')}"


def _values(was: _Schema, now: _Schema) -> Iterator[str]:
    after = _constants(now)
    if after is None:
        return
    before = _constants(was)
    if before is None:
        yield f"takes only {', '.join(map(repr, after))}, took any value"
        return
    if gone := [value for value in before if value not in after]:
        yield f"no longer takes {', '.join(map(repr, gone))}"


def _bounds(was: _Schema, now: _Schema) -> Iterator[str]:
    for keyword, sign in (("minimum", 1), ("maximum", -1)):
        before, after = _bound(was, keyword, sign), _bound(now, keyword, sign)
        if after > before:
            yield f"{keyword} is {_said(after, sign)}, was {_said(before, sign)}"


def _sizes(was: _Schema, now: _Schema) -> Iterator[str]:
    for keyword in sorted(_SIZES_AT_MOST & now.keys()):
        if keyword not in was or now[keyword] < was[keyword]:
            yield f"{keyword} is {now[keyword]}, was {was.get(keyword, 'none')}"
    for keyword in sorted(_SIZES_AT_LEAST & now.keys()):
        if now[keyword] > was.get(keyword, 0):
            yield f"{keyword} is {now[keyword]}, was {was.get(keyword, 'none')}"


def _exact(was: _Schema, now: _Schema) -> Iterator[str]:
    for keyword in sorted(_EXACT & now.keys()):
        if now[keyword] != was.get(keyword):
            yield f"{keyword} is {now[keyword]!r}, was {was.get(keyword, 'none')!r}"


def _checks(was: _Schema, now: _Schema) -> Iterator[str]:
    for rule in sorted(_rules(now) - _rules(was)):
        yield f"is checked for {rule} too"


def _unjudged(was: _Schema, now: _Schema) -> Iterator[str]:
    for keyword in sorted(now.keys() - _JUDGED):
        if now[keyword] != was.get(keyword):
            yield f"{keyword} is not a keyword that this check can judge"


def _fields(was: _Schema, now: _Schema, path: str) -> Iterator[Breach]:
    for name in sorted({*now.get("required", ())} - {*was.get("required", ())}):
        yield Breach(_below(path, name), "is required, was optional")
    before, after = was.get("properties", {}), now.get("properties", {})
    others_before = was.get("additionalProperties", True)
    others_after = now.get("additionalProperties", True)
    for name in dict.fromkeys([*before, *after]):
        field = before.get(name, others_before), after.get(name, others_after)
        yield from _field(_below(path, name), *field)
    yield from _field(_below(path, "*"), others_before, others_after)


def _field(path: str, before: object, after: object) -> Iterator[Breach]:
    """Yield the breaches of a field, or of all others; a schema of False allows none."""
    if before is False or after is True:
        return
    if after is False:
        yield Breach(path, "is no longer a field")
        return
    was = ANYTHING if before is True else cast("_Schema", before)
    yield from _compared(was, cast("_Schema", after), path)


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _listed(kinds: object) -> list[str]:
    return [kinds] if isinstance(kinds, str) else list(cast("list[str]", kinds or ()))


def _constants(schema: _Schema) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _bound(schema: _Schema, keyword: str, sign: int) -> tuple[float, bool]:
    """Return the tighter of a bound and its exclusive form; `sign` is -1 for a maximum."""
    exclusive = f"exclusive{keyword.capitalize()}"
    found = [(sign * schema[name], name == exclusive) for name in (keyword, exclusive)
             if name in schema]  # fmt: skip
    return max(found, default=(-math.inf, False))


def _said(bound: tuple[float, bool], sign: int) -> str:
    value, exclusive = bound
    if math.isinf(value):
        return "none"
    return f"{'beyond ' if exclusive else ''}{sign * value}"


def _rules(schema: _Schema) -> set[str]:
    return set(filter(None, schema.get("$comment", "").removeprefix(ALSO_CHECKED).split(", ")))
