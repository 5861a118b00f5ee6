"""What a person sees of an import."""

import io
from pathlib import Path

import pytest

from sources.importing.screen import _screen as screen
from tests.support.tables import write_file


class Terminal(io.StringIO):
    """What a person watches."""

    def isatty(self) -> bool:
        """Return True: it is one."""
        return True


def test_a_person_sees_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar with the file's name, beside what is printed; the file is read as it is."""
    file = write_file(tmp_path, "a\nb\n" * 1000)
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with screen() as (watch, report), file.open("rb") as opened:
        assert watch is not None
        assert watch(opened).read() == file.read_bytes()
        report("a refusal [bold]")
    assert "file.csv" in terminal.getvalue()
    assert "a refusal [bold]" in terminal.getvalue()


def test_a_program_sees_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    """Only what is printed, on standard error."""
    with screen() as (watch, report):
        assert watch is None
        report("a refusal")
    assert capsys.readouterr().err == "a refusal\n"
