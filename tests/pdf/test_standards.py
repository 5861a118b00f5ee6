"""The note's PDF as veraPDF, the reference for both standards, judges it."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from pypdf import PdfWriter

from report.note.output import note_pdf
from tests.support.notes import hostile_notes, note_of_events, request_of, simulated_note
from tests.support.requirements import give_up, require_programs

STANDARDS: Final = ("ua1", "2a")
"""PDF/UA-1 and PDF/A-2a, as veraPDF names them."""

_PDF: Final = Path(__file__).parent
_JARS: Final = _PDF / "target" / "jars"
#: For a short-lived program: the compiler for long-lived ones costs more than it saves.
_VALIDATE: Final[tuple[str | Path, ...]] = (
    *("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Dfile.encoding=UTF-8"),
    *("-cp", f"{_JARS}/*", _PDF / "Validate.java"),
)
_REMEDY: Final = "run tests/packages.sh tests/clients tests/pdf"
_SECONDS: Final = 100.0


class Verdict(NamedTuple):
    """What was found in a file."""

    checks: int
    broken: Mapping[str, str]
    """Each rule that the file breaks, by clause and number, with its text."""


def validated(files: Mapping[str, bytes], folder: Path) -> dict[tuple[str, str], Verdict]:
    """Validate PDFs against both standards, by their names; give up if veraPDF is missing."""
    require_programs("java", "javac", remedy=_REMEDY)
    if not (_PDF / "target" / "done").exists():
        give_up(f"veraPDF is missing: {_REMEDY}")
    for name, content in files.items():
        (folder / name).write_bytes(content)
    done = subprocess.run(
        [*_VALIDATE, ",".join(STANDARDS), *files],
        cwd=folder,
        capture_output=True,
        check=False,
        timeout=_SECONDS,
    )
    assert done.returncode == 0, done.stderr.decode()
    found = {}
    for line in done.stdout.decode().splitlines():
        name, standard, checks, *broken = line.split("\t")
        rules = dict(rule.split(" ", 1) for rule in broken)
        found[name, standard] = Verdict(int(checks), rules)
    return found


# Its shared notes are set and validated for a minute on a machine that does nothing else.
pytestmark = pytest.mark.timeout(300)


def without_tags(root: Any) -> None:  # noqa: ANN401 - what pypdf reads
    del root["/StructTreeRoot"], root["/MarkInfo"]


def without_metadata(root: Any) -> None:  # noqa: ANN401 - what pypdf reads
    del root["/Metadata"]


#: What may be broken, and rules that each standard then names.
BROKEN: Final[Mapping[Callable[[Any], None], tuple[set[str], set[str]]]] = {
    without_tags: ({"6.2-1", "7.1-3", "7.1-11"}, {"6.7.2.2-1", "6.7.3.3-1"}),
    without_metadata: ({"7.1-8"}, {"6.6.2.1-1"}),
}


ROOT: Final = "https://page.example/"


def some_notes() -> Mapping[str, bytes]:
    return {
        "2019-03.pdf": note_pdf(simulated_note(request_of("2019-03")), ROOT),
        "attacks.pdf": note_pdf(hostile_notes()[0], ROOT),
    }


def more_notes() -> Mapping[str, bytes]:
    made = {
        month: note_pdf(simulated_note(request_of(month)), ROOT)
        for month in ("2016-01", "2017-06", "2020-12")
    }
    made["known later"] = note_pdf(simulated_note(request_of("2018-09", date(2019, 3, 31))), ROOT)
    made["a programme"] = note_pdf(simulated_note(request_of("2018-09", programme="lycees")))
    made["no event"] = note_pdf(note_of_events([], request_of("2018-12")))
    for number, note in enumerate(hostile_notes()[1:]):
        made[f"attacks {number}"] = note_pdf(note, ROOT)
    return {f"{name}.pdf": content for name, content in made.items()}


def broken_notes(content: bytes) -> Mapping[str, bytes]:
    made = {"copy.pdf": copied(content, lambda _: None)}
    return made | {f"{one.__name__}.pdf": copied(content, one) for one in BROKEN}


@pytest.fixture(scope="module", params=["some", pytest.param("all", marks=pytest.mark.nightly)])
def made(request: pytest.FixtureRequest) -> Mapping[str, bytes]:
    return {**some_notes(), **(more_notes() if request.param == "all" else {})}


@pytest.fixture(scope="module")
def verdicts(
    made: Mapping[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> Mapping[tuple[str, str], Verdict]:
    """Return what veraPDF says of all, at once: its start takes longer than a note."""
    return validated(
        {**made, **broken_notes(made["2019-03.pdf"])}, tmp_path_factory.mktemp("notes")
    )


def test_the_reference_finds_no_failure(
    made: Mapping[str, bytes], verdicts: Mapping[tuple[str, str], Verdict]
) -> None:
    for file in ((name, one) for name in made for one in STANDARDS):
        verdict = verdicts[file]
        assert verdict.broken == {}, file
        assert verdict.checks > 10_000, file


def test_what_is_broken_is_found(verdicts: Mapping[tuple[str, str], Verdict]) -> None:
    """So that the test above can fail; a copy in which nothing is broken passes."""
    for standard in STANDARDS:
        assert verdicts["copy.pdf", standard].broken == {}
    for one, rules in BROKEN.items():
        for standard, expected in zip(STANDARDS, rules, strict=True):
            broken = verdicts[f"{one.__name__}.pdf", standard].broken.keys()
            assert broken >= expected, (one.__name__, standard)


def copied(content: bytes, change: Callable[[Any], None]) -> bytes:
    writer = PdfWriter(clone_from=io.BytesIO(content))
    change(writer.root_object)
    copy = io.BytesIO()
    writer.write(copy)
    return copy.getvalue()
