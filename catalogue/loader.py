"""From a folder of YAML files to a catalogue, or to all the mistakes in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from catalogue.errors import DeclarationError, InvalidCatalogueError
from catalogue.model import Catalogue, Indicator, Programme
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
                line, field = documents[file].line(path), spoken(documents[file].data, path)
                remedy = "count these facts in one indicator alone, or remove it"
                yield _error(file, line, field, problem, indicator.min_cell, remedy)


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
