"""From a folder of YAML files to a catalogue, or to all the mistakes in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from catalogue.errors import DeclarationError, InvalidCatalogueError
from catalogue.model import Catalogue, Indicator, Programme
from catalogue.publication import counts_persons
from events.declaration import read_model, spoken
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
    errors += _disclosure_conflicts(documents, programmes)
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
    _, faults = read_model(document, Programme, words=_WORDS)
    for fault in faults:
        yield _error(file, *fault)


def _shared_ids(documents: Mapping[Path, Document]) -> Iterator[DeclarationError]:
    """Refuse an id that two programmes, or two indicators of any programmes, have in common."""
    seen: dict[tuple[str, str], str] = {}
    for file, document in documents.items():
        for kind, path, identifier in _ids(document.data):
            place = f"{file.name}:{document.line(path)}"
            first = seen.setdefault((kind, identifier), place)
            if first != place:
                problem, remedy = f"is another {kind}'s id", f"rename it: {first} has this id"
                field = spoken(document.data, path)
                yield _error(file, document.line(path), field, problem, identifier, remedy)


def _disclosure_conflicts(
    documents: Mapping[Path, Document], programmes: Mapping[Path, Programme]
) -> Iterator[DeclarationError]:
    """Refuse figures about persons that would show few of them, or undo what hides those."""
    catalogue = Catalogue(programmes=tuple(programmes.values()))
    protected = [one for one in catalogue.indicators if one.publication is not None]
    for file, programme in programmes.items():
        for place, indicator in enumerate(programme.indicators):
            for key, problem, value, remedy in _unprotected(catalogue, indicator, protected):
                path = ("indicators", place, key)
                data = documents[file].data
                line, field = documents[file].line(path), spoken(data, path)
                yield _error(file, line, field, problem, value, remedy)


def _unprotected(
    catalogue: Catalogue, indicator: Indicator, protected: Sequence[Indicator]
) -> Iterator[tuple[str, str, object, str]]:
    """Tell what is wrong with one indicator: the key, the problem, the value and the remedy."""
    sisters = [one for one in protected if one is not indicator and _share(one, indicator)]
    if indicator.publication is None:
        if counts_persons(indicator) or sisters:
            problem = "is missing, and the measure is about persons"
            yield "min_cell", problem, None, "write min_cell: 10 and published: monthly"
        return
    if indicator.id not in catalogue.person_parts:
        problem = "is of a ratio that is no sum of published cells"
        remedy = (
            "declare a count of the same facts, with the same grain, min_cell, published and "
            "availability_delay_days, broken down by the field that the ratio chooses by"
        )
        yield "min_cell", problem, indicator.min_cell, remedy
    counts = [one.id for one in sisters if one.measure.denominator is None]
    if indicator.measure.denominator is None and counts:
        problem = f"is undone by {', '.join(counts)}, on the same facts"
        remedy = "count these facts in one indicator alone"
        yield "min_cell", problem, indicator.min_cell, remedy


def _share(indicator: Indicator, other: Indicator) -> bool:
    facts = {fact for term in indicator.measure.terms for fact in term.facts}
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


# Where a catalogue's words are others than those of all declarations.
_WORDS: Mapping[str, tuple[str, str]] = {
    "string_too_short": ("is empty", "write the text"),
    "string_pattern_mismatch": (
        "is not an identifier",
        "write lower-case letters, digits and _, a letter first",
    ),
    "not_a_number": ("is not a number", "write digits as 1145 or 0.95, without quotes"),
    "decimal_type": ("is not a number", "write digits as 1145 or 0.95, without quotes"),
    "empty": ("is empty", "write at least one item"),
}
