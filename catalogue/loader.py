"""From a folder of YAML files to a catalogue, or to all the mistakes in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from boundary.diagnostic import Diagnostic, FieldPath
from catalogue.model import Catalogue, Indicator, Programme
from catalogue.publication import counts_persons
from events.declaration import InvalidDeclarationError, read_declaration, read_model
from events.document import Document, read_document
from events.territory import FILE as TERRITORY_FILE

PROGRAMMES = Path(__file__).parent / "programmes"
"""The Région's own catalogue, which the package carries."""

RECORDING = "recording.yaml"
"""The file beside the programmes that says when records became known."""

SUFFIXES = (".yaml", ".yml")

_LONGEST_HOURS = 366 * 24


class RecordingDeclaration(BaseModel):
    """What `recording.yaml` declares; see `RecordRules.known_at`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    live_since: date | None = None
    """The first day (UTC) on which the topics have their history, and events come as they happen.
    """
    lateness_hours: int = Field(default=72, ge=0, le=_LONGEST_HOURS)
    """How long a producer may keep events before it sends them: by default over a weekend."""

    @property
    def lateness(self) -> timedelta:
        """The same as a duration."""
        return timedelta(hours=self.lateness_hours)


def load_catalogue(directory: Path | None = None) -> Catalogue:
    """Load each `*.yaml` of a folder (or one file) as a programme; by default the Région's own.

    The case of the ending does not matter, and hidden files are left out.

    Raises `InvalidDeclarationError` with every mistake of every file.
    """
    catalogue, _ = load_documents(PROGRAMMES if directory is None else directory)
    return catalogue


def load_documents(path: Path) -> tuple[Catalogue, Sequence[Document]]:
    """Load a folder or a file as `load_catalogue`, with the documents in the order of their names.

    Raises `InvalidDeclarationError`.
    """
    documents = [read_document(file) for file in _files(path)]
    programmes: list[tuple[Document, Programme]] = []
    found: list[Diagnostic] = []
    for document in documents:
        programme, diagnostics = read_model(document, Programme)
        found += diagnostics
        if programme is not None:
            programmes.append((document, programme))
    found += _shared_ids(documents)
    found += _disclosure_conflicts(programmes)
    if found:
        raise InvalidDeclarationError(found)
    ordered = sorted((one for _, one in programmes), key=lambda one: (one.order, one.id))
    return Catalogue(programmes=tuple(ordered)), documents


def load_recording(directory: Path | None = None) -> RecordingDeclaration:
    """Read `recording.yaml` of the catalogue's folder; without one, `time` alone decides.

    Raises `InvalidDeclarationError`.
    """
    file = (PROGRAMMES if directory is None else directory) / RECORDING
    if not file.is_file():
        return RecordingDeclaration()
    return read_declaration(file, RecordingDeclaration)


def _files(path: Path) -> Sequence[Path]:
    if path.is_file():
        return [path]
    # What editors and macOS put beside a file, as .#lycees.yaml, is no programme.
    files = sorted(
        file
        for file in path.glob("*")
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
        if file.name not in (RECORDING, TERRITORY_FILE.name)
    )
    if not files:
        problem = "has no programme" if path.is_dir() else "is not there"
        remedy = "name a folder with one *.yaml file per programme"
        missing = Diagnostic((), problem, None, remedy, field="folder", file=path, line=1)
        raise InvalidDeclarationError([missing])
    return files


def _shared_ids(documents: Sequence[Document]) -> Iterator[Diagnostic]:
    """Yield each id that two programmes, or two indicators of any programmes, have in common."""
    seen: dict[tuple[str, str], str] = {}
    for document in documents:
        for kind, path, identifier in _ids(document.data):
            first = seen.get((kind, identifier))
            if first is None:
                seen[kind, identifier] = f"{document.file.name}:{document.line(path)}"
            else:
                problem, remedy = f"is another {kind}'s id", f"rename it: {first} has this id"
                yield document.locate(Diagnostic(path, problem, identifier, remedy))


def _disclosure_conflicts(programmes: Sequence[tuple[Document, Programme]]) -> Iterator[Diagnostic]:
    """Yield each figure about persons that would show few of them, or undo what hides those."""
    catalogue = Catalogue(programmes=tuple(programme for _, programme in programmes))
    protected = [one for one in catalogue.indicators if one.publication is not None]
    for document, programme in programmes:
        for index, indicator in enumerate(programme.indicators):
            for problem, value, remedy in _unprotected(catalogue, indicator, protected):
                path = ("indicators", index, "min_cell")
                yield document.locate(Diagnostic(path, problem, value, remedy))


def _unprotected(
    catalogue: Catalogue, indicator: Indicator, protected: Sequence[Indicator]
) -> Iterator[tuple[str, object, str]]:
    """Yield what is wrong with one indicator's `min_cell`: problem, value, remedy."""
    sisters = [one for one in protected if one is not indicator and _share(one, indicator)]
    if indicator.publication is None:
        if counts_persons(indicator) or sisters:
            problem = "is missing, and the measure is about persons"
            yield problem, None, "write min_cell: 10 and published: monthly"
        return
    if indicator.id not in catalogue.person_parts:
        problem = "is of a ratio that is no sum of published cells"
        remedy = (
            "declare a count of the same facts, with the same grain, min_cell, published and "
            "availability_delay_days, broken down by the field that the ratio chooses by"
        )
        yield problem, indicator.min_cell, remedy
    first = next(one for one in protected if one is indicator or _have_persons(one, indicator))
    if _calendar(first) != _calendar(indicator):
        problem = f"has another calendar of publication than {first.id}, about the same persons"
        remedy = f"write the published and availability_delay_days of {first.id}"
        yield problem, indicator.min_cell, remedy
    counts = [one.id for one in sisters if one.measure.denominator is None]
    if indicator.measure.denominator is None and counts:
        problem = f"is undone by {', '.join(counts)}, on the same facts"
        remedy = "count these facts in one indicator alone"
        yield problem, indicator.min_cell, remedy


def _share(indicator: Indicator, other: Indicator) -> bool:
    facts = {fact for term in indicator.measure.terms for fact in term.facts}
    return any(not facts.isdisjoint(term.facts) for term in other.measure.terms)


def _have_persons(indicator: Indicator, other: Indicator) -> bool:
    """Return whether two indicators count facts of one family about persons."""
    families = {term.family for term in indicator.measure.terms if term.family.about_persons}
    return any(term.family in families for term in other.measure.terms)


def _calendar(indicator: Indicator) -> tuple[object, int]:
    return indicator.published, indicator.availability_delay_days


def _ids(data: object) -> Iterator[tuple[str, FieldPath, str]]:
    if not isinstance(data, Mapping):
        return
    if isinstance(data.get("id"), str):
        yield "programme", ("id",), data["id"]
    indicators = data.get("indicators")
    for index, one in enumerate(indicators if isinstance(indicators, list) else ()):
        if isinstance(one, Mapping) and isinstance(one.get("id"), str):
            yield "indicator", ("indicators", index, "id"), one["id"]
