"""What an AI assistant does with the MCP server, by the SDK's own client."""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import urlencode

from mcp import Client, StdioServerParameters
from mcp.server import Server
from mcp.types import CallToolResult, TextContent, Tool

ROOT: Final = Path(__file__).parents[2]

Place: TypeAlias = Server | StdioServerParameters | str
"""Where the server is: in this process, a program, or an address."""
Call: TypeAlias = tuple[str, Mapping[str, Any]]

PAST: Final = {"territory": "93", "as_of": "2016-06-30", "known_on": "2016-07-05"}
#: A call of each tool, and the page's object that answers it.
CALLS: Final[tuple[tuple[Call, str], ...]] = (
    (("promesses", {"territory": "77"}), "promesses.json?territory=77"),
    (
        ("chiffre", {"indicator": "schools_connected_ratio", **PAST}),
        f"promesses/schools_connected_ratio/jalons.json?{urlencode(PAST)}",
    ),
    (("chiffre", {"indicator": "trainees_enrolled"}), "promesses/trainees_enrolled/jalons.json"),
    (("comparaison", {"since": "2016-06-01"}), "comparaison.json?since=2016-06-01"),
    (
        ("changements", {"indicator": "schools_connected_ratio", "since": "2016-02-01"}),
        "promesses/schools_connected_ratio/changements.json?since=2016-02-01",
    ),
    (
        ("explications", {"indicator": "schools_equipped_ratio", "milestone": "all_equipped"}),
        "promesses/schools_equipped_ratio/jalons.json?milestone=all_equipped",
    ),
    (("recherche", {"q": "Mélun"}), "recherche.json?q=M%C3%A9lun"),
)


def program(page: str, *options: str) -> StdioServerParameters:
    command = ["-m", "smart_region", "mcp", "--page", page, *options]
    return StdioServerParameters(command=sys.executable, args=command, cwd=ROOT)


def answers(place: Place, *calls: Call) -> list[CallToolResult]:
    async def answered() -> list[CallToolResult]:
        async with Client(place) as client:
            return [await client.call_tool(name, dict(given)) for name, given in calls]

    return asyncio.run(answered())


def tools(place: Place) -> list[Tool]:
    async def answered() -> list[Tool]:
        async with Client(place) as client:
            return (await client.list_tools()).tools

    return asyncio.run(answered())


def text_of(answer: CallToolResult) -> str:
    [content] = answer.content
    assert isinstance(content, TextContent)
    return content.text


def page_object(page: str, path: str) -> dict[str, Any]:
    """Return an object of the page, with whole links."""
    with urllib.request.urlopen(f"{page}/{path}", timeout=60) as answer:  # noqa: S310 - ours
        found: dict[str, Any] = whole(json.load(answer), page)
    return found


def whole(value: Any, page: str) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {
            name: f"{page}/{one}" if name == "link" else whole(one, page)
            for name, one in value.items()
        }
    return [whole(one, page) for one in value] if isinstance(value, list) else value
