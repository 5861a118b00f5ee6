"""Refusals and their reports."""

import csv
from pathlib import Path

import pytest

from boundary.diagnostic import Diagnostic
from boundary.errors import SmartRegionError
from sources.importing.refusal import refusal_file
from tests.support.rights import mode

REFUSAL = Diagnostic(
    (), "is not a number", "1,5 ; deux", "write digits", field="valeur", file="lycées.csv", line=12
)


def report(folder: Path, *refusals: Diagnostic, name: str = "refused.csv") -> bytes:
    with refusal_file(folder / name) as write:
        for refusal in refusals:
            write(refusal)
    return (folder / name).read_bytes()


def test_a_hidden_value_is_in_no_report(tmp_path: Path) -> None:
    hidden = Diagnostic(
        (), "is wrong", "secret", "correct it", field="nir", file="a.csv", line=3
    ).hide()
    assert "value (not shown: a person's data)" in str(hidden)
    assert "secret" not in repr(hidden)
    for name in ("refused.csv", "refused.txt"):
        assert b"secret" not in report(tmp_path, hidden, name=name)


def test_a_table_of_refusals_opens_in_a_french_spreadsheet(tmp_path: Path) -> None:
    """Semicolons, a mark of UTF-8, CRLF; cells come back as they were. Else each has a line."""
    content = report(tmp_path, REFUSAL)
    assert content.startswith(b"\xef\xbb\xbffile;line;column;value;problem;remedy\r\n")
    _, row = csv.reader(content.decode("utf-8-sig").splitlines(), delimiter=";")
    assert row == ["lycées.csv", "12", "valeur", "1,5 ; deux", "is not a number", "write digits"]
    assert report(tmp_path, REFUSAL, REFUSAL, name="r.txt").decode() == f"{REFUSAL}\n" * 2


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=1+1", "'=1+1"),
        ("@x", "'@x"),
        ("-cmd|x", "'-cmd|x"),
        ("＝1+1", "'＝1+1"),  # noqa: RUF001
        ("-12,5", "-12,5"),
        ("+33 1", "+33 1"),
    ],
)
def test_no_value_becomes_a_formula(tmp_path: Path, value: str, written: str) -> None:
    """What a spreadsheet would run is made text; a number stays one."""
    refusal = Diagnostic((), "is wrong", value, "correct it", field="valeur", file="a.csv", line=3)
    assert f";{written};" in report(tmp_path, refusal).decode("utf-8-sig")


@pytest.mark.parametrize("name", ["lycees.csv", "./lycees.csv", "journal.sqlite3"])
def test_a_report_replaces_nothing_that_is_read(tmp_path: Path, name: str) -> None:
    """A file that was named twice by mistake keeps its lines."""
    files = [tmp_path / "lycees.csv", tmp_path / "journal.sqlite3"]
    for file in files:
        file.write_text("kept")
    with (
        pytest.raises(SmartRegionError, match="would replace"),
        refusal_file(tmp_path / name, read=files),
    ):
        pass
    assert [file.read_text() for file in files] == ["kept", "kept"]


def test_another_error_is_not_taken_for_the_report_s(tmp_path: Path) -> None:
    """What goes wrong while it is written keeps its own name."""
    with pytest.raises(ConnectionError), refusal_file(tmp_path / "refused.csv"):
        raise ConnectionError


@pytest.mark.parametrize(
    ("name", "cause"), [("full", "No space left"), ("absent/r.csv", "--refusals: cannot be")]
)
def test_a_report_that_cannot_be_written_is_an_error(name: str, cause: str) -> None:
    with pytest.raises(SmartRegionError, match=cause):
        report(Path("/dev"), REFUSAL, name=name)


@pytest.mark.parametrize("name", ["refused.csv", "refused.txt"])
def test_a_report_is_its_owners_alone(tmp_path: Path, name: str) -> None:
    """A value that is refused may be a person's name; a report of before is closed too."""
    report(tmp_path, REFUSAL, name=name)
    assert mode(tmp_path / name) == 0o600
    (tmp_path / name).chmod(0o644)
    report(tmp_path, REFUSAL, name=name)
    assert mode(tmp_path / name) == 0o600


def test_no_report_does_a_thing_to_a_terminal(tmp_path: Path) -> None:
    refusal = Diagnostic(
        (), "is wrong", "\x9b2J\n", "correct it", field="\x1b]0;x\x07", file="\x1b[2J.csv", line=3
    )

    for name in ("refused.csv", "refused.txt"):
        written = report(tmp_path, refusal, name=name).decode("utf-8-sig")
        assert all(one.isprintable() or one in "\r\n" for one in written)
        assert "\\u001b[2J.csv" in written
