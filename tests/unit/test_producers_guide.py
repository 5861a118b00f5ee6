"""The producers' guide in its two languages: the same commands, every refusal."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from events.registry import FACTS
from gateway.problems import problem_kinds
from tests.support.commands import captured
from tests.support.gateway_stub import accepted, gateway_stub
from tests.support.guide import blocks_of
from tests.support.loopback import Answer

DOCS = Path(__file__).parents[2] / "docs"
ENGLISH = DOCS / "producers.md"
FRENCH = DOCS / "producteurs.md"
BOTH = pytest.mark.parametrize("guide", [ENGLISH, FRENCH], ids=lambda guide: guide.stem)


def prose(guide: Path) -> str:
    return re.sub(
        r"^```.*?^```$", "", guide.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )


def headings(guide: Path) -> list[tuple[str, str]]:
    return re.findall(r"^(#+) (.+)$", prose(guide), flags=re.MULTILINE)


def test_both_languages_have_the_same_code() -> None:
    """What is executed for one is executed for the other."""

    def code(guide: Path) -> list[tuple[str, str | None, str]]:
        return [(block.language, block.file, block.text) for block in blocks_of(guide)]

    assert code(FRENCH) == code(ENGLISH)


def test_both_languages_have_the_same_parts() -> None:
    assert [level for level, _ in headings(FRENCH)] == [level for level, _ in headings(ENGLISH)]


@BOTH
def test_every_block_says_what_it_is(guide: Path) -> None:
    """No block is left out because its fence has no language."""
    text = guide.read_text(encoding="utf-8")

    assert len(re.findall(r"^```", text, flags=re.MULTILINE)) == 2 * len(blocks_of(guide))
    assert {block.language for block in blocks_of(guide) if block.file is None} <= {
        "bash",
        "json",
        "text",
    }


@BOTH
def test_what_the_reader_was_given_is_never_overwritten(guide: Path) -> None:
    """Each value is set once in the terminal, by the reader: no block sets one anew."""
    commands = [block.text for block in blocks_of(guide) if block.language == "bash"]
    given = re.findall(
        r"`([A-Z][A-Z_]+)`", prose(guide).partition("\n## ")[2].partition("\n## ")[0]
    )

    assert set(given) > {"GATEWAY", "TOKEN", "SECRET", "BROKER", "KAFKA_USER"}
    assert [
        text for text in commands if any(re.search(rf"\b{name}=", text) for name in set(given))
    ] == []


@BOTH
def test_links_to_english_pages_say_so(guide: Path) -> None:
    links = re.findall(
        r"\]\(([a-z-]+(?:/README)?\.md)(?:#[a-z-]+)?\)(.{0,14})", prose(guide).replace("\n", " ")
    )
    unsaid = [page for page, after in links if "en anglais" not in after and page != "producers.md"]

    assert guide == ENGLISH or unsaid == []


@BOTH
def test_every_refusal_is_explained(guide: Path) -> None:
    assert [name for name in problem_kinds() if f"`{name}`" not in prose(guide)] == []


@BOTH
def test_every_type_exists(guide: Path) -> None:
    named = re.findall(r"fr\.iledefrance\.smartregion\.[a-z_.]+\.v\d+", guide.read_text())

    assert set(named) <= FACTS.keys()


class TestSendingFile:
    """The program `send.py`, which a producer copies, behind a proxy that has its own answers."""

    @staticmethod
    def sent(folder: Path, *answers: Answer) -> subprocess.CompletedProcess[str]:
        """Return what the program says whose first requests have these answers."""
        [program] = [block for block in blocks_of(ENGLISH) if block.file == "send.py"]
        (folder / "send.py").write_text(program.text, encoding="utf-8")
        (folder / "batch.json").write_text('[{"id": "1", "source": "s"}]', encoding="utf-8")
        left = list(answers)
        with gateway_stub() as stub:
            stub.behaviour = lambda events: left.pop(0) if left else accepted(events)
            return captured(
                [sys.executable, "send.py", "batch.json"],
                cwd=folder,
                env={**os.environ, "TOKEN": "t", "GATEWAY": stub.url},
            )

    def test_a_proxy_s_errors_are_tried_again(self, tmp_path: Path) -> None:
        """Its pages are no JSON, and its `Retry-After` may be a date."""
        date = {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}
        away = Answer(502, b"<html>", {"Retry-After": "0"})
        done = self.sent(tmp_path, Answer(503, b"<html>", date), away)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_what_does_not_come_from_the_gateway_is_one_line(self, tmp_path: Path) -> None:
        """As where a proxy refuses."""
        done = self.sent(tmp_path, Answer(403, b"<html>", {"Content-Type": "text/html"}))
        assert done.returncode == 1
        assert done.stderr.startswith("status 403, and not of the gateway")
        assert len(done.stderr.splitlines()) == 1
