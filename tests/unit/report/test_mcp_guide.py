"""The page about assistants: its configuration and its command work, and it names every tool."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mcp import StdioServerParameters

from report.mcp_server import declared_tools
from tests.support.assistants import ROOT, answers, tools
from tests.support.guide import blocks_of
from tests.support.served_page import page_over

GUIDE = ROOT / "docs" / "mcp.md"
PAGE = "http://127.0.0.1:6072"
COMMAND = str(Path(sys.executable).parent / "smart-region")


@pytest.fixture(scope="module")
def page() -> Iterator[str]:
    with page_over() as made, made.serving() as url:
        yield url


def printed(language: str) -> str:
    [block] = [one for one in blocks_of(GUIDE) if one.language == language]
    assert PAGE in block.text
    return block.text


def test_it_names_every_tool() -> None:
    named = re.findall(r"^\| `(\w+)` \|", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert named == [one.name for one in declared_tools()]


@pytest.mark.slow
def test_its_configuration_starts_the_server(page: str) -> None:
    declared = json.loads(printed("json").replace(PAGE, page))["mcpServers"]["smart-region"]
    assert declared["command"] == "smart-region"
    place = StdioServerParameters(command=COMMAND, args=declared["args"])
    [answer] = answers(place, ("promesses", {}))
    assert not answer.is_error


@pytest.mark.slow
def test_its_command_serves_http(page: str) -> None:
    name, *arguments = shlex.split(printed("bash").replace(PAGE, page))
    assert name == "smart-region"
    command = [COMMAND, *arguments, "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            [address] = re.findall(
                r"serving address=(http://127\.0\.0\.1:\S+/mcp)", server.stderr.readline()
            )
            assert len(tools(address)) == len(declared_tools())
        finally:
            server.terminate()
    assert server.returncode == 0
