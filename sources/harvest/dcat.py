"""A catalogue in DCAT-AP: RDF/XML, Turtle or JSON-LD, in a file or in pages at an address."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from email.message import Message
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, TypeAlias

from sources.harvest.dcat_document import OUT_OF_MEMORY, PAGE, CatalogueDocument, CataloguePage
from sources.harvest.polite_client import PoliteClient
from sources.harvest.portal_dataset import HarvestError
from sources.harvest.snapshot import PortalSnapshot, follow_pages, get_page
from sources.harvest.validators import Validators

_MOST_DIGITS: Final = 12
_ACCEPT: Final = (
    "text/turtle, application/rdf+xml;q=0.9, application/ld+json;q=0.8, application/xml;q=0.5,"
    " */*;q=0.1"
)
_PARSER: Final = (sys.executable, "-P", "-m", "sources.harvest.dcat_document")
_LARGEST_ANSWER: Final = 64 * 1024 * 1024
"""Bytes of what the child says of a page, as JSON."""
_SMALLER: Final = "ask the portal for smaller pages or another form, or harvest a part of it"
MOST_CONTEXTS: Final = 10
_NO_CONTEXTS: Final = "take the catalogue as Turtle or RDF/XML"
Fetch: TypeAlias = Callable[[str], bytes]
"""Returns what is at the address of a JSON-LD context."""


@dataclass(frozen=True, slots=True)
class ParsingLimits:
    """What parsing one document may take. 20 MB of ordinary Turtle took 15 s and 512 MB."""

    seconds: int = 60
    """Of a processor."""
    megabytes: int = 768
    """Of address space; a harvest has 1 GiB in containers."""


def read_dcat(client: PoliteClient, url: str, known: Validators) -> PortalSnapshot:
    """Read a catalogue at an address, with the pages after it that it names by Hydra.

    Raises HarvestError, and what the client raises.
    """

    def fetch(address: str) -> bytes:
        page = get_page(client, address, accept="application/ld+json, application/json;q=0.9")
        return b"" if page is None else page.answer.body

    snapshot = PortalSnapshot()
    keys: set[str] = set()
    listed: set[str] = set()

    def read(address: str) -> str | None:
        is_first = address == url
        answer = get_page(client, address, accept=_ACCEPT, known=known if is_first else None)
        if answer is None:
            snapshot.is_unchanged, snapshot.validators = True, known
            return None
        header = Message()
        header["Content-Type"] = answer.answer.headers.get("Content-Type", "")
        kind, charset = header.get_content_type(), header.get_content_charset("")
        page = parse(answer.answer.body, CatalogueDocument(answer.url, kind, charset), fetch)
        snapshot.add(page.found, keys)
        listed.update(page.listed)
        if page.total:
            snapshot.count(page.total)
        snapshot.validators = Validators.of(answer.answer)
        return page.following

    follow_pages(snapshot, url, read)
    total = str(snapshot.total or "")
    is_known = total.isascii() and total.isdigit() and not snapshot.incomplete
    if is_known and len(listed) < int(total[:_MOST_DIGITS]):
        snapshot.incomplete = f"{len(listed)} of {total} datasets were listed"
    return snapshot


def read_dcat_file(file: Path) -> PortalSnapshot:
    """Read a catalogue from a file. Raises HarvestError."""
    try:
        content = file.read_bytes()
    except OSError as error:
        remedy = "name a file that you can read"
        raise HarvestError(str(file), error.strerror or str(error), remedy=remedy) from error

    def fetch(address: str) -> bytes:
        remedy = f"{_NO_CONTEXTS}, or give its address"
        raise HarvestError(address, "is a context that the file refers to", remedy=remedy)

    snapshot = PortalSnapshot()
    page = parse(content, CatalogueDocument(file.absolute().as_uri(), file.suffix.lower()), fetch)
    snapshot.add(page.found, set())
    if page.following is not None:
        snapshot.incomplete = "the file is one page of several"
    return snapshot


def parse(
    content: bytes, document: CatalogueDocument, fetch: Fetch, limits: ParsingLimits | None = None
) -> CataloguePage:
    """Return what a document says, parsed in a child process with limits.

    Raises HarvestError if it cannot be parsed or exceeds a limit, and what `fetch` raises.
    """
    limits = limits or ParsingLimits()
    order = json.dumps([asdict(document), asdict(limits)]).encode()
    here, there = Pipe()
    with here:
        with there:
            number = there.fileno()
            child = subprocess.Popen(  # noqa: S603 - our own module, and a number
                (*_PARSER, str(number)),
                pass_fds=[number],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        try:
            answer = _ask(here, order, content)
            fetched = 0
            while answer is not None and "context" in answer:
                fetched += 1
                if fetched > MOST_CONTEXTS:
                    problem = f"is one of more than {MOST_CONTEXTS} contexts"
                    raise HarvestError(answer["context"], problem, remedy=_NO_CONTEXTS)
                answer = _ask(here, fetch(answer["context"]))
            here.close()  # A child whose answer is too long would wait to write it.
            status = child.wait()
        finally:
            child.kill()
            child.wait()
    if answer is None:
        raise HarvestError(document.base, _end(status, limits), remedy=_SMALLER)
    if "wrong" in answer:
        where, problem, remedy = answer["wrong"]
        raise HarvestError(where, problem, remedy=remedy)
    return PAGE.validate_python(answer["page"])


def _ask(child: Connection, *messages: bytes) -> dict[str, Any] | None:
    """Send a child messages and return its answer; None if it ended, or if that is too long."""
    try:
        for message in messages:
            child.send_bytes(message)
        answer: dict[str, Any] = json.loads(child.recv_bytes(_LARGEST_ANSWER))
    except (EOFError, OSError):
        return None
    return answer


def _end(status: int, limits: ParsingLimits) -> str:
    """Return why a child ended, by its status."""
    if status == -signal.SIGXCPU:
        return f"takes more than {limits.seconds} s of a processor to parse"
    if status in (OUT_OF_MEMORY, -signal.SIGKILL):
        return f"takes more than {limits.megabytes} MB of memory to parse"
    return f"ends its parser, value status {status}"
