"""From a folder of YAML files to a catalogue, or to all the mistakes in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from catalogue.algebra import choose
from catalogue.errors import DeclarationError, InvalidCatalogueError
from catalogue.model import Baseline, Catalogue, Indicator, Milestone, Programme, TrendWindow
from events.document import Document, read_document

__all__ = ["PROGRAMMES", "load_catalogue"]

PROGRAMMES = Path(__file__).parent / "programmes"
"""The Région's own catalogue, which the package carries."""

SUFFIXES = (".yaml", ".yml")

_Path = tuple[str | int, ...]


def load_catalogue(directory: Path | None = None) -> Catalogue:
    """Load each `*.yaml` of a folder (or one file) as a programme; by default the Région's own.

    Raises `InvalidCatalogueError` with every mistake of every file.
    """
    place = PROGRAMMES if directory is None else directory
    documents = {file: read_document(file) for file in _files(place)}
    errors = [error for file, document in documents.items() for error in _errors(file, document)]
    wrong = {error.file for error in errors}
    programmes = {
        file: Programme.model_validate(document.data)
        for file, document in documents.items()
        if file not in wrong
    }
    errors += _shared_ids(documents)
    errors += _betrayals(documents, programmes)
    if errors:
        raise InvalidCatalogueError(errors)
    ordered = sorted(programmes.values(), key=lambda programme: (programme.order, programme.id))
    return Catalogue(programmes=tuple(ordered))


def _files(place: Path) -> Sequence[Path]:
    if place.is_file():
        return [place]
    files = sorted(file for file in place.glob("*") if file.suffix in SUFFIXES)
    if not files:
        problem = "has no programme" if place.is_dir() else "is not there"
        remedy = "name a folder with one *.yaml file per programme"
        raise InvalidCatalogueError([_error(place, 1, "folder", problem, None, remedy)])
    return files


def _errors(file: Path, document: Document) -> Iterator[DeclarationError]:
    """Tell all that is wrong in one file: first what is not YAML, then what is not a programme."""
    data, unread = document.data, {mistake.path for _, mistake in document.mistakes}
    for line, one in document.mistakes:
        yield _error(file, line, _spoken(data, one.path), one.problem, one.value, one.remedy)
    if () in unread:
        return
    try:
        Programme.model_validate(data)
    except ValidationError as refusal:
        for error in refusal.errors(include_url=False):
            # Pydantic's own step to a key that is wrong, of a mapping with keys of one's own.
            path = tuple(step for step in error["loc"] if step != "[key]")
            if path not in unread:
                problem, value, remedy = _explained(error)
                yield _error(file, document.line(path), _spoken(data, path), problem, value, remedy)


def _shared_ids(documents: Mapping[Path, Document]) -> Iterator[DeclarationError]:
    """Refuse an id that two programmes, or two indicators of any programmes, have in common."""
    seen: dict[tuple[str, str], str] = {}
    for file, document in documents.items():
        for kind, path, identifier in _ids(document.data):
            place = f"{file.name}:{document.line(path)}"
            first = seen.setdefault((kind, identifier), place)
            if first != place:
                problem, remedy = f"is another {kind}'s id", f"rename it: {first} has this id"
                spoken = _spoken(document.data, path)
                yield _error(file, document.line(path), spoken, problem, identifier, remedy)


def _betrayals(
    documents: Mapping[Path, Document], programmes: Mapping[Path, Programme]
) -> Iterator[DeclarationError]:
    """Refuse to suppress small cells of facts that another indicator counts as well.

    The other's figures are further sums over the same persons, from which a suppressed cell may be
    computed.
    """
    indicators = [one for programme in programmes.values() for one in programme.indicators]
    for file, programme in programmes.items():
        for place, indicator in enumerate(programme.indicators):
            sisters = [one for one in indicators if one is not indicator and _share(indicator, one)]
            if indicator.min_cell is not None and sisters:
                names = ", ".join(one.id for one in sisters)
                problem = f"is undone by {names}, on the same facts"
                path = ("indicators", place, "min_cell")
                line, spoken = documents[file].line(path), _spoken(documents[file].data, path)
                remedy = "count these facts in one indicator alone, or remove it"
                yield _error(file, line, spoken, problem, indicator.min_cell, remedy)


def _share(indicator: Indicator, other: Indicator) -> bool:
    facts = set(indicator.measure.numerator.facts)
    return any(not facts.isdisjoint(term.facts) for term in other.measure.terms)


def _ids(data: object) -> Iterator[tuple[str, _Path, str]]:
    if not isinstance(data, Mapping):
        return
    if isinstance(data.get("id"), str):
        yield "programme", ("id",), data["id"]
    indicators = data.get("indicators")
    for place, one in enumerate(indicators if isinstance(indicators, list) else ()):
        if isinstance(one, Mapping) and isinstance(one.get("id"), str):
            yield "indicator", ("indicators", place, "id"), one["id"]


def _error(
    file: Path, line: int, field: str, problem: str, value: object, remedy: str
) -> DeclarationError:
    return DeclarationError(
        file=file, line=line, field=field, problem=problem, value=value, remedy=remedy
    )


def _spoken(data: object, path: _Path) -> str:
    """Write a path as people say it: by ids where the items of a list have some."""
    spoken = ""
    for step in path:
        inner: object = None
        if isinstance(data, Mapping):
            inner = data.get(step)
        elif isinstance(data, list) and isinstance(step, int):
            inner = data[step]
        if isinstance(step, str):
            spoken += f".{step}" if spoken else step
        else:
            name = inner.get("id") if isinstance(inner, Mapping) else None
            spoken += f"[{name if isinstance(name, str) else step}]"
        data = inner
    return spoken or "file"


_MODELS: Mapping[str, type[BaseModel]] = {
    "indicators": Indicator,
    "milestones": Milestone,
    "baseline": Baseline,
    "baselines": Baseline,
    "trend": TrendWindow,
}

_EXPLANATIONS: Mapping[str, tuple[str, str]] = {
    "string_type": ("is not text", "write text, in quotes if it looks like a number or a day"),
    "string_too_short": ("is empty", "write the text"),
    "string_too_long": ("is too long", "write at most {max_length} characters"),
    "string_pattern_mismatch": (
        "is not an identifier",
        "write lower-case letters, digits and _, a letter first",
    ),
    "date_type": ("is not a day", "write a day as 2020-12-31, without quotes"),
    "int_type": ("is not a whole number", "write digits, without quotes"),
    "bool_type": ("is not true or false", "write true or false, without quotes"),
    "not_a_number": ("is not a number", "write digits as 1145 or 0.95, without quotes"),
    "decimal_type": ("is not a number", "write digits as 1145 or 0.95, without quotes"),
    "greater_than_equal": ("is out of range", "write at least {ge}"),
    "less_than_equal": ("is out of range", "write at most {le}"),
    "dict_type": ("is not a mapping", "write keys and values"),
    "tuple_type": ("is not a list", "write each item after a dash"),
    "empty": ("is empty", "write at least one item"),
    "model_type": ("is not a mapping", "write keys and values"),
}


def _explained(error: ErrorDetails) -> tuple[str, object, str]:
    """Turn pydantic's error into a problem, the value, and a remedy in this language's words."""
    kind, value = error["type"], error["input"]
    context: Mapping[str, Any] = error.get("ctx", {})
    if kind == "mistake":
        return str(context["problem"]), context["shown"], str(context["remedy"])
    key = str(error["loc"][-1]) if error["loc"] else "file"
    if kind == "missing":
        return "is missing", None, f"add {key}"
    if kind == "extra_forbidden":
        return "is not a known key here", key, choose(key, _known_keys(error["loc"]))
    if kind in ("enum", "literal_error"):
        expected = str(context["expected"]).replace(" or ", ", ").replace("'", "").split(", ")
        return "is not a known value", value, choose(value, expected)
    problem, remedy = _EXPLANATIONS.get(kind, (error["msg"], "see docs/catalogue.md"))
    return problem, value, remedy.format_map(context)


def _known_keys(path: _Path) -> list[str]:
    """List the keys of the model that holds the last step of a path."""
    holders = [_MODELS[step] for step in path[:-1] if isinstance(step, str) and step in _MODELS]
    model = holders[-1] if holders else Programme
    return [field.alias or name for name, field in model.model_fields.items()]
