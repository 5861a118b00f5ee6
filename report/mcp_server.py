"""The MCP server: it answers AI assistants in French, from a running page.

It computes nothing: each tool reads one JSON object of the page, whose warnings, rules about
persons and links it passes on. No tool writes anything.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import cache, partial
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import quote, urlencode

from jsonschema import Draft202012Validator
from mcp import MCPError
from mcp.server import Server, ServerRequestContext
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)
from starlette.routing import Route

from boundary.logs import configure_logging
from boundary.text_templates import filled
from boundary.web import client_address, make_app
from boundary.web_server import listen, serving
from events.document import data_beside
from events.territory import TERRITORY
from report.charts.svg import plain
from report.page_client import PageClient, PageRefusedError, PageUnavailableError

logger = logging.getLogger(__name__)

PATH: Final = "/mcp"
MOST_BYTES: Final = 8 * 1024
"""The limit of a request over HTTP; the longest question has some 2 KB."""
MOST_CALLS: Final = 64
"""How many calls are answered at once: as many as HAProxy passes on."""

_LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
_READ_ONLY: Final = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)


def declared_tools() -> list[Tool]:
    """Return the tools as clients see them; `mcp_server.yaml` declares them."""
    return [
        Tool(
            name=one["name"],
            title=one["title"],
            description=one["description"],
            input_schema=_schema(one),
            annotations=_READ_ONLY,
        )
        for one in _declared()["tools"]
    ]


def mcp_server(client: PageClient, links: str) -> Server:
    """Return the server of a page; `links` is the address of the first page for its readers."""
    known = {one["name"]: one for one in _declared()["tools"]}
    root = f"{links.rstrip('/')}/"
    threads = ThreadPoolExecutor(MOST_CALLS, thread_name_prefix="call")

    async def list_tools(
        _: ServerRequestContext, __: PaginatedRequestParams | None
    ) -> ListToolsResult:
        return ListToolsResult(tools=declared_tools())

    async def call_tool(
        context: ServerRequestContext, asked: CallToolRequestParams
    ) -> CallToolResult:
        tool = known.get(asked.name)
        if tool is None:
            raise MCPError(INVALID_PARAMS, f"unknown tool; there are {', '.join(known)}")
        given = {name: one for name, one in (asked.arguments or {}).items() if one is not None}
        wrong = " ; ".join(_wrong(_schema(tool), given))
        if wrong:
            return _refusal(wrong)
        try:
            # In a thread, since the client waits: other calls are answered meanwhile.
            reader = None if context.request is None else client_address(context.request)
            read = partial(client.read, _address(tool["path"], given), reader=reader)
            found = await asyncio.get_running_loop().run_in_executor(threads, read)
        except (PageRefusedError, PageUnavailableError) as error:
            return _refusal(str(error))
        data = _for_readers(found, root)
        text = filled("report", f"mcp/{asked.name}.txt", answer=data)
        return CallToolResult(content=[TextContent(text=text)], structured_content=data)

    return Server(
        "smart-region",
        version=version("smart-region"),
        title=f"Smart Région {TERRITORY.name}",
        instructions=_declared()["instructions"],
        website_url=root,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def run_stdio(server: Server) -> None:
    """Serve one client until it closes standard input, or a signal ends the process."""
    _log()
    # The thread that reads standard input cannot be interrupted.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    asyncio.run(_over_stdio(server))


def run_http(server: Server, host: str, port: int, names: Sequence[str]) -> None:
    """Serve clients until SIGTERM or SIGINT; see `http_serving`."""
    _log()
    asyncio.run(_over_http(server, host, port, names))


@asynccontextmanager
async def http_serving(
    server: Server, host: str, port: int, names: Sequence[str] = ()
) -> AsyncIterator[str]:
    """Serve over streamable HTTP until the context ends; yield the address.

    Each request stands alone: there are no sessions and no streams. Requests whose Host or Origin
    is not loopback, `host` or one of `names` are refused, whatever the port: a page of another site
    could otherwise use a reader's browser (DNS rebinding). Raises SmartRegionError if it cannot
    listen.
    """
    own = (*_LOOPBACK, f"[{host}]" if ":" in host else host, *names)
    hosts = [form for name in own for form in (name, f"{name}:*")]
    origins = [f"{scheme}://{name}" for scheme in ("http", "https") for name in hosts]
    manager = StreamableHTTPSessionManager(
        server,
        json_response=True,
        stateless=True,
        security_settings=TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=origins),
        max_request_body_size=MOST_BYTES,
    )
    # A GET would open a stream of messages from the server, which has none to send.
    app = make_app([Route(PATH, StreamableHTTPASGIApp(manager), methods=["POST"])])
    with listen(host, port, names=("--host", "--port")) as listener:
        async with manager.run(), serving(app, listener) as address:
            yield address + PATH


async def _over_stdio(server: Server) -> None:
    async with stdio_server() as (messages, answers):
        await server.run(messages, answers, server.create_initialization_options())


async def _over_http(server: Server, host: str, port: int, names: Sequence[str]) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with http_serving(server, host, port, names) as address:
        logger.info("serving address=%s", address)
        await stopping.wait()
    logger.info("stopped reason=signal")


def _log() -> None:
    configure_logging("info", "text")
    # It warns of each refused request: any client could fill the log.
    logging.getLogger("mcp").setLevel(logging.ERROR)


@cache
def _declared() -> Mapping[str, Any]:
    declared: Mapping[str, Any] = data_beside(__file__, TERRITORY.words)
    return declared


def _schema(tool: Mapping[str, Any]) -> dict[str, Any]:
    required = tool.get("required", [])
    names = [*required, *tool["optional"]]
    return {
        "type": "object",
        "properties": {name: _declared()["arguments"][name] for name in names},
        "required": required,
        "additionalProperties": False,
    }


def _wrong(schema: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with arguments, in French; their values are not repeated."""
    for error in Draft202012Validator(schema).iter_errors(given):
        names = [str(part) for part in error.path]
        if error.validator == "required":
            names = [name for name in schema["required"] if name not in given]
        elif error.validator == "additionalProperties":
            names = [name[:80] for name in given if name not in schema["properties"]]
        yield f"{', '.join(names)} : {_declared()['wrong'][error.validator]}"


def _address(path: str, given: Mapping[str, Any]) -> str:
    """Return a path with the indicator where it names one, and the other arguments after it."""
    query = {name: one for name, one in given.items() if f"{{{name}}}" not in path}
    named = {name: quote(str(one), safe="") for name, one in given.items()}
    return f"{path.format_map(named)}?{urlencode(query, errors='replace')}"


def _refusal(text: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(text=plain(text))], is_error=True)


def _for_readers(value: Any, root: str, name: str = "") -> Any:  # noqa: ANN401 - JSON
    """Return an object with whole links, and without characters that no reader could see."""
    if isinstance(value, dict):
        return {key: _for_readers(one, root, key) for key, one in value.items()}
    if isinstance(value, list):
        return [_for_readers(one, root) for one in value]
    if isinstance(value, str):
        return root + value if name == "link" else plain(value)
    return value
