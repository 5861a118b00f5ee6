"""Asks for the data of a distribution, and says what came: data, nothing, or something else."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

from pydantic_core import from_json

from boundary.addresses import UnusableAddressError
from boundary.http_client import HttpAnswer, NoAnswerError
from boundary.public_network import PrivateAddressError
from operations.harvest.data_state import DataOutcome, FoundData
from operations.harvest.polite_client import (
    ForbiddenByRobotsError,
    PoliteAnswer,
    PoliteClient,
    PortalBusyError,
    RedirectError,
)
from operations.harvest.portal_dataset import Distribution
from operations.harvest.validators import Validators

MOST_BYTES: Final = 32 * 1024 * 1024
"""Of a distribution no more is read."""
MOST_LINES: Final = 2_000_000
"""Of a table whose lines are put into one order: each takes some sixty bytes besides its own."""
LARGEST_EMPTY: Final = 1024 * 1024
"""Bytes of JSON that may hold no record: of 32 MiB Python makes a gigabyte."""
_OK: Final = range(200, 300)
_NO_CONTENT: Final = 204
_NOT_MODIFIED: Final = 304
_LISTS: Final = ("features", "results", "records", "data")
"""Where documents in JSON keep their records."""


def probe(client: PoliteClient, distribution: Distribution, known: Validators) -> FoundData | None:
    """Ask an address for its data, unless they are still as known.

    None where nothing can be said: its host asks to be left alone.
    """
    try:
        page = client.get(distribution.url, most_bytes=MOST_BYTES, headers=known.headers())
    except (ForbiddenByRobotsError, PortalBusyError):
        return None
    except NoAnswerError as error:
        return FoundData(outcome=DataOutcome.FAILED, why=f"no answer ({error.cause})")
    except PrivateAddressError as error:
        return FoundData(outcome=DataOutcome.PRIVATE, why=str(error))
    except (RedirectError, UnusableAddressError) as error:
        return FoundData(outcome=DataOutcome.FAILED, why=str(error))
    if page.answer.status == _NOT_MODIFIED and known.headers():
        return FoundData(outcome=DataOutcome.SAME)
    return found_in(page, distribution)


def found_in(page: PoliteAnswer, distribution: Distribution) -> FoundData:
    """Return what an answer is, whatever its status promises."""
    answer = page.answer
    if answer.status not in _OK:
        return FoundData(outcome=DataOutcome.FAILED, why=f"status {answer.status}")
    if not distribution.is_data:
        # A page about the data: it answers, and says nothing of whether they have changed.
        return FoundData(outcome=DataOutcome.DATA, is_whole=False)
    if _is_page(answer) and not distribution.as_page:
        return FoundData(outcome=DataOutcome.FAILED, why="a web page in the place of data")
    is_table = _is_table(answer, page.url)
    if not page.is_cut and _is_empty(answer, is_table=is_table):
        return FoundData(outcome=DataOutcome.EMPTY, why="no record")
    validators = Validators.of(answer)
    length = answer.headers.get("Content-Length", "")
    day = answer.date("Last-Modified")
    parts = [_in_any_order(answer.body) if is_table and not page.is_cut else answer.body]
    if page.is_cut:
        # What is behind the part that was read shows in these alone.
        marks = (length, validators.etag, validators.last_modified)
        parts += [mark.encode() for mark in marks]
    return FoundData(
        outcome=DataOutcome.DATA,
        fingerprint=sha256(b"\0".join(parts)).hexdigest(),
        is_whole=not page.is_cut or bool(validators.headers() or length),
        changed_on=None if day is None else day.date(),
        validators=validators,
    )


def _is_page(answer: HttpAnswer) -> bool:
    kind = answer.headers.get("Content-Type", "").lower()
    begin = answer.body[:200].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return "html" in kind or begin.startswith((b"<!doctype html", b"<html"))


def _is_table(answer: HttpAnswer, url: str) -> bool:
    """Return whether an answer is lines of records."""
    kind = answer.headers.get("Content-Type", "").lower()
    path = url.partition("?")[0]
    return "csv" in kind or path.endswith((".csv", "/exports/csv"))


def _is_empty(answer: HttpAnswer, *, is_table: bool) -> bool:
    body = answer.body.strip(b"\xef\xbb\xbf \t\r\n\0")
    if answer.status == _NO_CONTENT or not body:
        return True
    if is_table:
        return b"\n" not in body and b"\r" not in body  # The heading alone.
    return len(body) <= LARGEST_EMPTY and body[:1] in b"[{" and _has_no_record(body)


def _has_no_record(body: bytes) -> bool:
    try:
        content: Any = from_json(body)
    except ValueError:
        return False
    if not content:
        return True
    return isinstance(content, dict) and any(content.get(name) == [] for name in _LISTS)


def _in_any_order(body: bytes) -> bytes:
    """Return the lines in one order: an export gives its records in another each time."""
    if body.count(b"\n") + body.count(b"\r") > MOST_LINES:
        return body
    return b"\n".join(sorted(body.splitlines()))
