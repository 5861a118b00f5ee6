"""A harvest by a command: probes of the data, and the tally on the screen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from pydantic_core import from_json

from boundary.addresses import UnusableAddressError
from boundary.http_client import HttpAnswer, NoAnswerError
from boundary.public_network import PrivateAddressError
from boundary.settings_folder import settings_folder
from boundary.terminal import counted, echo, echo_lines
from boundary.text_templates import filled
from events.code import Code
from sources.harvest.data_state import DataOutcome, FoundData, Validators
from sources.harvest.polite_client import (
    ForbiddenByRobotsError,
    PoliteAnswer,
    PoliteClient,
    PortalBusyError,
    RedirectError,
)
from sources.harvest.portal_dataset import Distribution
from sources.harvest.run import Harvest, HarvestTally
from sources.harvest.vocabularies import plain

MOST_LINES: Final = 2_000_000
"""Lines of a table that are sorted: each takes some sixty bytes besides its own."""
LARGEST_EMPTY: Final = 1024 * 1024
"""Bytes of JSON that is searched for records: Python turns 32 MiB into a gigabyte."""
_LISTS: Final = ("features", "results", "records", "data")
"""Where documents in JSON keep their records."""


def probe(client: PoliteClient, distribution: Distribution, known: Validators) -> FoundData | None:
    """Request the data of an address, unless they are unchanged.

    Return None where nothing can be said: its host asks not to be requested.
    """
    try:
        page = client.get(distribution.url, headers=known.headers())
    except (ForbiddenByRobotsError, PortalBusyError):
        return None
    except NoAnswerError as error:
        return FoundData(outcome=DataOutcome.FAILED, why=f"no answer ({error.cause})")
    except PrivateAddressError as error:
        return FoundData(outcome=DataOutcome.PRIVATE, why=str(error))
    except (RedirectError, UnusableAddressError) as error:
        return FoundData(outcome=DataOutcome.FAILED, why=str(error))
    if page.answer.status == HTTPStatus.NOT_MODIFIED and known.headers():
        return FoundData(outcome=DataOutcome.SAME)
    return found_in(page, distribution)


def found_in(page: PoliteAnswer, distribution: Distribution) -> FoundData:
    """Return what an answer contains, whatever its status promises."""
    answer = page.answer
    if answer.status not in range(200, 300):
        return FoundData(outcome=DataOutcome.FAILED, why=f"status {answer.status}")
    if not distribution.is_data:
        # A page about the data does not say whether they have changed.
        return FoundData(outcome=DataOutcome.DATA, is_whole=False)
    if _is_page(answer) and not distribution.as_page:
        return FoundData(outcome=DataOutcome.FAILED, why="a web page in place of data")
    is_table = _is_table(answer, page.url)
    if not page.is_cut and _is_empty(answer, is_table=is_table):
        return FoundData(outcome=DataOutcome.EMPTY, why="no record")
    validators = Validators.of(answer)
    length = answer.headers.get("Content-Length", "")
    day = answer.date("Last-Modified")
    parts = [_in_any_order(answer.body) if is_table and not page.is_cut else answer.body]
    if page.is_cut:
        # Changes behind the part that was read show only in these.
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
    if answer.status == HTTPStatus.NO_CONTENT or not body:
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
    """Return the lines sorted: an export may give its records in another order each time."""
    if body.count(b"\n") + body.count(b"\r") > MOST_LINES:
        return body
    return b"\n".join(sorted(body.splitlines()))


MOST_SHOWN: Final = 20
"""Problems on the screen; the tally counts all."""
_DIGITS: Final = 12

Word = TypeVar("Word", bound=Code)


def own_words(pairs: Iterable[str], codes: type[Word], option: str) -> Mapping[str, Word]:
    """Return the meanings of words, by their plain form. Raises BadParameter."""
    found: dict[str, Word] = {}
    for pair in pairs:
        word, _, code = pair.rpartition("=")
        try:
            found[plain(word)] = codes(code)
        except ValueError:
            message = f"{pair!r} is no WORD=CODE with one of {', '.join(codes)}"
            raise click.BadParameter(message, param_hint=option) from None
    return found


def default_state(portal: str, destination: str, *, dry_run: bool) -> Path:
    """Return the state's file of a portal and a destination; make its folder if not a dry run."""
    name = sha256(f"{portal} {destination}".encode()).hexdigest()[:_DIGITS]
    folder = settings_folder()
    if not dry_run:
        folder.mkdir(parents=True, exist_ok=True)
    return folder / f"harvest-{name}.json"


def print_tally(tally: HarvestTally, plan: Harvest) -> None:
    """Print what was found, what is wrong, and the counts on the last line."""
    for problem in tally.problems[:MOST_SHOWN]:
        echo(problem, err=True)
    if len(tally.problems) > MOST_SHOWN:
        echo(f"… {counted(len(tally.problems) - MOST_SHOWN, 'problem')} more", err=True)
    for line in tally.complaints:
        echo(line, err=True)
    echo_lines(
        filled("sources.harvest", "tally.txt", tally=tally, plan=plan, most=MOST_SHOWN).rstrip("\n")
    )
