"""The pages are held to what there is: their commands, their make targets and their links."""

import re
import unicodedata
from functools import cache
from pathlib import Path

import click
import pytest

from smart_region import main

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
#: What was once true: commands and files that they name may be gone.
HISTORY = {ROOT / "CHANGELOG.md"}
#: To its end, or to where the shell or the sentence goes on with something else.
COMMAND = re.compile(
    r"(?:^ *|[|;&] *|[A-Z_]+=\S+ )smart-region ((?:[^\n|#>&;]|\\\n|[a-z]\|[a-z])+)", re.MULTILINE
)
MAKE = re.compile(r"^make ([a-z-]+)", re.MULTILINE)
TARGET = re.compile(r"^([a-z-]+):", re.MULTILINE)
#: A file of ours, named from the root.
NAMED = re.compile(
    r"`((?:boundary|broker|catalogue|dashboards|events|gateway|operations|report|simulation|streams"
    r"|tests)/[\w./-]+)`"
)
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]+))?[^)]*\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def code(page: Path) -> str:
    """Return what of a page is code: its blocks, and what stands between backticks."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^ *```.*?\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    rest = re.sub(r"^ *```.*?\n.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)
    # A command between backticks may go over the end of a line.
    return "\n".join([*blocks, *(" ".join(one.split()) for one in re.findall(r"`([^`]+)`", rest))])


@cache
def parts(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    return {
        "".join(
            one for one in heading.lower() if one in " -_" or unicodedata.category(one)[0] in "LN"
        ).replace(" ", "-")
        for heading in HEADING.findall(page.read_text(encoding="utf-8"))
    }


def unknown(words: list[str]) -> str | None:
    """Return the first word of a command line that is no command or no option; None: all are."""
    command: click.Command = main
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        alternatives = re.split(r"[|]", words[0])
        found = [command.commands.get(name) for name in alternatives]
        if None in found:
            return None if re.match(r"[^a-z]", words[0]) else words[0]
        command, words = found[0] or command, words[1:]
    if any(part.name == "arguments" for part in command.params):
        return None  # It hands all on to a command that is only loaded when it runs.
    known = {name for part in command.params for name in (*part.opts, *part.secondary_opts)}
    options = (word.partition("=")[0].strip("[],.") for word in words if word.startswith("--"))
    return next((option for option in options if option not in known | {"--help"}), None)


@pytest.fixture(params=PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def page(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


def test_a_page_names_commands_and_options_that_there_are(page: Path) -> None:
    text = "" if page in HISTORY else code(page)
    lines = [found.replace("\\\n", " ") for found in COMMAND.findall(text)]

    wrong = {line.strip(): part for line in lines if (part := unknown(line.split()))}

    assert wrong == {}


def test_a_page_names_targets_that_make_has(page: Path) -> None:
    targets = set(TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))

    assert set(MAKE.findall(code(page))) <= targets


def test_a_page_links_to_what_is_there(page: Path) -> None:
    """To a file that is there, and where a part of a page is meant, to one that it has."""
    for file, part in set(LINK.findall(page.read_text(encoding="utf-8"))):
        if "://" in file:
            continue
        target = page.parent / file if file else page
        assert target.exists(), file
        assert not part or target.suffix != ".md" or part in parts(target), (file, part)


def test_a_page_names_files_that_there_are(page: Path) -> None:
    """Whoever looks for the code finds it; a decision that was superseded is left as it was."""
    text = page.read_text(encoding="utf-8")
    named = [] if page in HISTORY or "Superseded by" in text else NAMED.findall(text)

    assert [name for name in named if not (ROOT / name).exists()] == []
