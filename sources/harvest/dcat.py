"""A catalogue in DCAT-AP: RDF/XML, Turtle or JSON-LD, in a file or in pages at an address."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import asdict
from email.message import Message
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from sources.harvest.dcat_document import OUT_OF_MEMORY, PAGE, CatalogueDocument, CataloguePage
from sources.harvest.polite_client import PoliteClient
from sources.harvest.portal_dataset import HarvestError
from sources.harvest.snapshot import PortalSnapshot, follow_pages, get_page

_ACCEPT: Final = (
    "text/turtle, application/rdf+xml;q=0.9, application/ld+json;q=0.8, application/xml;q=0.5,"
    " */*;q=0.1"
)
_PARSER: Final = (sys.executable, "-P", "-m", "sources.harvest.dcat_document")
_SMALLER: Final = "ask the portal for smaller pages or another form, or harvest a part of it"


SECONDS: Final = 60
"""Processor time for one document. 20 MB of ordinary Turtle took 15 s and 512 MB."""
MEGABYTES: Final = 768
"""Address space for it; a harvest has 1 GiB in containers."""


def read_dcat(client: PoliteClient, url: str) -> PortalSnapshot:
    """Read a catalogue at an address, with the pages after it that it names by Hydra.

    Raises HarvestError, and what the client raises.
    """
    snapshot = PortalSnapshot()
    listed: set[str] = set()

    def read(address: str) -> str | None:
        answer = get_page(client, address, accept=_ACCEPT)
        header = Message()
        header["Content-Type"] = answer.answer.headers.get("Content-Type", "")
        kind, charset = header.get_content_type(), header.get_content_charset("")
        page = parse(answer.answer.body, CatalogueDocument(answer.url, kind, charset))
        snapshot.add(page.found)
        listed.update(page.listed)
        if page.total is not None:
            snapshot.count(page.total)
        return page.following

    follow_pages(snapshot, url, read)
    snapshot.check(len(listed))
    return snapshot


def read_dcat_file(file: Path) -> PortalSnapshot:
    """Read a catalogue from a file. Raises HarvestError."""
    try:
        content = file.read_bytes()
    except OSError as error:
        remedy = "name a file that you can read"
        raise HarvestError(str(file), error.strerror or str(error), remedy=remedy) from error
    snapshot = PortalSnapshot()
    page = parse(content, CatalogueDocument(file.absolute().as_uri(), file.suffix.lower()))
    snapshot.add(page.found)
    if page.following is not None:
        snapshot.incomplete = "the file is one page of several"
    return snapshot


def parse(content: bytes, document: CatalogueDocument, seconds: int = SECONDS) -> CataloguePage:
    """Return what a document says, parsed in a child process with limits.

    Raises HarvestError if it cannot be parsed or exceeds a limit.
    """
    order = json.dumps([asdict(document), seconds, MEGABYTES]).encode()
    with TemporaryFile() as said:
        child = subprocess.run(  # noqa: S603 - our own module
            _PARSER,
            input=b"%b\n%b" % (order, content),
            stdout=said,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        said.seek(0)
        answer = json.loads(said.read()) if child.returncode == 0 else {}
    if "wrong" in answer:
        where, problem, remedy = answer["wrong"]
        raise HarvestError(where, problem, remedy=remedy)
    if not answer:
        raise HarvestError(document.base, _end(child.returncode, seconds), remedy=_SMALLER)
    return PAGE.validate_python(answer["page"])


def _end(status: int, seconds: int) -> str:
    """Return why a child ended, by its status."""
    if status == -signal.SIGXCPU:
        return f"takes more than {seconds} s of a processor to parse"
    if status in (OUT_OF_MEMORY, -signal.SIGKILL):
        return f"takes more than {MEGABYTES} MB of memory to parse"
    return f"ends its parser, value status {status}"
