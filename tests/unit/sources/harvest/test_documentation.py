"""The page on harvests says what there is, and its commands can be copied."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from events.dataset import Licence, Theme
from sources.harvest.cli import harvest
from tests.support.guide import Block, Reader, blocks_of
from tests.support.portals import Answer, dataset, portal

PAGE = Path(__file__).parents[4] / "docs" / "harvest.md"
TURTLE = """
@prefix dcat: <http://www.w3.org/ns/dcat#> .
@prefix dct: <http://purl.org/dc/terms/> .
<urn:d> a dcat:Dataset ; dct:title "Gares" ; dct:publisher "Région" ;
  dcat:theme "Transports" ; dct:license "Licence Ouverte" .
"""


def test_it_names_every_option() -> None:
    """Of both commands; what an option was called before comes after its name."""
    text = PAGE.read_text(encoding="utf-8")
    options = [one for command in harvest.commands.values() for one in command.params]
    names = {option.opts[0] for option in options if option.opts[0].startswith("--")}

    assert {name for name in names if name not in text} == set()


def test_it_names_every_code() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert {
        code for codes in (Theme, Licence) for code in codes if f"`{code}`" not in text
    } == set()


@pytest.mark.timeout(120)
def test_its_commands_work(tmp_path: Path) -> None:
    blocks = [one for one in blocks_of(PAGE) if one.language == "bash"]
    quick = [
        Block(
            one.language,
            one.file,
            one.text.replace("--contact", "--private-addresses --pause 0 --contact"),
            one.line,
        )
        for one in blocks
    ]
    with portal(dataset("gares")) as served:
        served.documents["/catalog.ttl"] = Answer(
            body=TURTLE.encode(), headers={"Content-Type": "text/turtle"}
        )
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        env = {"PORTAL": served.url, "HOME": str(tmp_path), "PATH": path}
        Reader(tmp_path, env=env).follow(quick)

    assert len(quick) == 2
    assert "/catalog.ttl" in served.paths()
