"""The fuzzer: its corpus is checked again, its limits are found, its rounds can be repeated."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from events import strict_json
from tests.fuzz import __main__ as fuzz_command
from tests.fuzz import gateway_targets
from tests.fuzz.limits import LimitError, measured
from tests.fuzz.rounds import TARGETS, Progress, fuzz_round
from tests.fuzz.target import Target

CORPUS = Path(__file__).parents[1] / "corpus" / "fuzz"
BY_NAME = {target.name: target for target in TARGETS}
FILES = sorted(file for file in CORPUS.rglob("*") if file.is_file())


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_an_input_of_the_corpus_is_read_or_refused(file: Path) -> None:
    """Each once failed, or reaches what chance seldom does; its name says what it is."""
    target = BY_NAME[file.parent.name]
    assert target.of_file is not None
    example = target.of_file(file.read_bytes())
    measured(target.check, example, most_mib=target.most_mib, most_seconds=target.most_seconds)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_first_round_of_each_target_holds(target: Target) -> None:
    """A few examples, the same ones at each run: the targets fit what they check."""
    done = Progress(target.name, 1)

    fuzz_round(target, done, examples=15)

    assert done.examples >= 15


def endless(_: object) -> None:
    while True:
        with suppress(Exception):
            while True:
                pass


def large(_: object) -> None:
    bytes(bytearray(b"x") * 2**26)


def calling(_: object) -> None:
    with suppress(Exception):
        socket.create_connection(("127.0.0.1", 9))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reader", "limit"),
    [(endless, "of the processor"), (large, "more than 32"), (calling, "socket")],
)
def test_a_limit_holds(reader: Callable[[object], None], limit: str) -> None:
    """Though the reader catches every exception, and gives its memory back."""
    with pytest.raises(LimitError, match=limit):
        measured(reader, b"", most_mib=32)


def test_each_target_of_files_has_a_corpus() -> None:
    assert {file.parent.name for file in FILES} == {
        target.name for target in TARGETS if target.of_file is not None
    }


def test_a_wrong_parser_is_found_and_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Python's reader takes what RFC 8259 does not have.
    monkeypatch.setattr(
        gateway_targets, "read_value", lambda text: strict_json.JsonText(text, json.loads(text))
    )
    monkeypatch.setattr(fuzz_command, "FOLDER", tmp_path)

    done = CliRunner().invoke(fuzz_command.main, ["--minutes", "0.05", "--target", "json"])

    assert done.exit_code == 1
    assert "json: failed in round 0 of seed 1" in done.output
    assert "example=" in done.output
    assert re.search(r"^json +[1-9]", done.output, re.MULTILINE)
