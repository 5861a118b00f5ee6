"""The command `smart-region erase`, up to its first question to the broker."""

from __future__ import annotations

import signal
from contextlib import nullcontext
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from boundary.errors import SmartRegionError
from operations.erasure.persons import Persons, Traces
from operations.erasure.procedure import Remains
from smart_region import main
from streams.decisions import Decisions

PSEUDONYM = "k1-0123456789abcdef0123456789abcdef"


class AskedError(SmartRegionError):
    """The broker would be asked."""


@pytest.fixture(autouse=True)
def _with_the_partitions_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operations.erasure.procedure.verify_partitions", lambda _: None)
    monkeypatch.setattr("streams.decisions.read_decisions", lambda *_, **__: Decisions())


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[frozenset[str]]:
    found: list[frozenset[str]] = []

    def find(_: object, persons: Persons) -> None:
        found.append(persons.pseudonyms)
        raise AskedError

    monkeypatch.setattr("operations.erasure.procedure.find_records", find)
    return found


def erase(folder: Path, content: bytes, *options: str) -> Result:
    file = folder / "erase.txt"
    file.write_bytes(content)
    return CliRunner().invoke(main, ["erase", *options, str(file)])


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_a_file_of_windows_names_the_same(
    tmp_path: Path, asked: list[frozenset[str]], start: bytes
) -> None:
    erase(tmp_path, start + f"{PSEUDONYM}\r\n".encode())
    assert asked == [frozenset([PSEUDONYM])]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (f"{PSEUDONYM}\nÉlodie\n".encode("latin-1"), 2),
        (PSEUDONYM.encode("utf-16"), 1),
    ],
)
def test_what_is_not_utf_8_is_no_pseudonym(
    tmp_path: Path, asked: list[frozenset[str]], content: bytes, line: int
) -> None:
    result = erase(tmp_path, content)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: line {line}: is no pseudonym")
    assert asked == []


def test_a_supervisors_stop_sets_back_what_was_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the topic would begin a file with each record."""
    set_back: list[str] = []

    def cut_short(*_: object, **__: object) -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            set_back.append("segment.ms")

    monkeypatch.setattr("operations.erasure.procedure.find_records", lambda *_: Traces())
    monkeypatch.setattr("operations.erasure.procedure.find_remains", lambda *_: Remains((), (), ()))
    monkeypatch.setattr("operations.erasure.procedure.erase", cut_short)
    monkeypatch.setattr("broker.writing.KafkaWriter", lambda *_, **__: nullcontext())

    result = erase(tmp_path, f"{PSEUDONYM}\n".encode(), "--for-good")

    assert set_back == ["segment.ms"]
    assert result.exit_code == 143
    assert result.stderr == "interrupted by SIGTERM: run it again\n"
