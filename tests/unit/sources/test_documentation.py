"""The pages on imports and harvests say what there is, and their commands can be copied."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import replace
from pathlib import Path

import click
import pytest

from events.dataset import Licence, Theme
from sources.harvest.cli import harvest
from sources.importing.cli import import_group
from sources.importing.conversions import CONVERSIONS
from sources.importing.mapping import load_mapping, mapping_names
from tests.support.guide import Reader, blocks_of
from tests.support.portals import Answer, dataset, portal

DOCS = Path(__file__).parents[3] / "docs"
HARVEST = DOCS / "harvest.md"
IMPORTING = (DOCS / "importing.md").read_text(encoding="utf-8")
TURTLE = b"""
@prefix dcat: <http://www.w3.org/ns/dcat#> .
@prefix dct: <http://purl.org/dc/terms/> .
<urn:d> a dcat:Dataset ; dct:title "Gares" ; dct:publisher "R" ;
  dcat:theme "Transports" ; dct:license "Licence Ouverte" .
"""


@pytest.mark.parametrize(
    ("page", "commands"), [("harvest.md", harvest), ("importing.md", import_group)]
)
def test_a_page_names_every_option(page: str, commands: click.Group) -> None:
    """Also under its former name, which comes after the name."""
    text = (DOCS / page).read_text(encoding="utf-8")
    options = [one for command in commands.commands.values() for one in command.params]
    names = {option.opts[0] for option in options if option.opts[0].startswith("--")}

    assert {name for name in names if name not in text} == set()


def test_they_name_every_code_and_conversion() -> None:
    text = HARVEST.read_text(encoding="utf-8")
    assert [code for codes in (Theme, Licence) for code in codes if f"`{code}`" not in text] == []
    (listed,) = re.findall(r"`as` is one of (.*?)\n`values`", IMPORTING, re.DOTALL)
    assert set(re.findall(r"`(\w+)`", listed)) == set(CONVERSIONS)


def test_the_mappings_of_the_page_are_right(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", IMPORTING, re.DOTALL)
    file = tmp_path / "example.yaml"
    file.write_text(example)
    assert load_mapping(str(file)).fact == "equipment.delivered"
    named = set(re.findall(r"`((?:lycees|arcep)_\w+)`", IMPORTING))
    assert named <= set(mapping_names())
    assert len(named) == 6


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_commands_of_harvests_work(tmp_path: Path) -> None:
    quick = [
        replace(one, text=one.text.replace("--contact", "--private-addresses --pause 0 --contact"))
        for one in blocks_of(HARVEST)
        if one.language == "bash"
    ]
    with portal(dataset("gares")) as served:
        served.documents["/catalog.ttl"] = Answer(
            body=TURTLE, headers={"Content-Type": "text/turtle"}
        )
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        env = {"PORTAL": served.url, "HOME": str(tmp_path), "PATH": path}
        Reader(tmp_path, env=env).follow(quick)

    assert len(quick) == 2
    assert "/catalog.ttl" in served.paths()
