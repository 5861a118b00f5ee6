"""From a portal's description of a dataset to the fields of the contract, or to what is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import sha256
from typing import Final

from boundary.diagnostic import Diagnostic
from boundary.terminal import one_line
from events.code import Code
from events.dataset import DatasetReleased, Licence, Theme
from events.identifiers import FIRST_DAY, is_blank
from events.person_data import find_person_data
from sources.harvest.portal_dataset import Described, Distribution
from sources.harvest.vocabularies import frequency_of, licence_of, theme_of

_ENTITY_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_LONGEST_LABEL: Final = 200
_DIGEST_DIGITS: Final = 16
_LONGEST_NAME: Final = 47
_ONE_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ReadingRules:
    """Defaults for what a description leaves out, and the meaning of a portal's own words."""

    publisher: str = ""
    """The publisher of datasets that name none."""
    themes: Mapping[str, Theme] = field(default_factory=dict)
    """By the plain form of a word."""
    licences: Mapping[str, Licence] = field(default_factory=dict)
    prefix: str = ""
    """Prefix of the identifiers, which keeps them apart from another portal's."""


@dataclass(frozen=True, slots=True)
class PortalDataset:
    """A dataset whose description fits the contract."""

    released: DatasetReleased
    """Released on the day that the portal says, or else that of its last change, or today."""
    modified: date | None = None
    distributions: tuple[Distribution, ...] = ()


def dataset_id_of(described: Described, prefix: str = "") -> str:
    """Return the identifier of a dataset in events: the portal's, or one derived from it.

    An address does not fit the contract: its last part and its digest do.
    """
    for name in (described.identifier, described.key):
        if name and _ENTITY_ID.fullmatch(prefix + name):
            return prefix + name
    whole = described.identifier or described.key
    last = re.sub(r"[^A-Za-z0-9._-]+", "-", whole.rstrip("/").rpartition("/")[2]).strip("-")
    digest = sha256(whole.encode()).hexdigest()[:_DIGEST_DIGITS]
    return prefix + (f"{last[: _LONGEST_NAME - len(prefix)]}-{digest}" if last else digest)


def read_dataset(
    described: Described, rules: ReadingRules, *, today: date
) -> tuple[PortalDataset | None, list[Diagnostic]]:
    """Return the dataset of a description, or None; and all that is wrong with it.

    An impossible day is reported and left out; a missing title, publisher, theme or licence refuses
    the dataset.
    """
    refused: list[Diagnostic] = []
    left_out: list[Diagnostic] = []
    name, where = dataset_id_of(described, rules.prefix), one_line(described.key)

    def refuse(field_name: str, problem: str, value: str, remedy: str) -> None:
        refused.append(Diagnostic((), problem, value or None, remedy, field=field_name, file=where))

    title = _label(described.title)
    if not title:
        refuse("title", "is empty", "", "give the dataset a title on the portal")
    publisher = _label(described.publisher) or _label(rules.publisher)
    if not publisher:
        refuse("publisher", "is missing", "", "name it on the portal, or give --publisher")
    theme = theme_of(described.themes, rules.themes)
    if theme is None:
        refuse("theme", *_unknown(described.themes, "theme", "--theme", Theme))
    licence = licence_of(described.licences, rules.licences)
    if not isinstance(licence, Licence):
        refuse("licence", *_no_licence(described.licences, is_closed=licence is not None))
    days: dict[str, date | None] = {}
    for field_name, text in (("issued", described.issued), ("modified", described.modified)):
        days[field_name], problem = _day(text, today)
        if problem is not None:
            remedy = "correct it on the portal; the dataset is read without it"
            left_out.append(Diagnostic((), problem, text, remedy, field=field_name, file=where))
    if find_person_data(
        {"type": DatasetReleased.TYPE, "data": {"title": title, "publisher": publisher}}
    ):
        remedy = "remove it on the portal"
        refused.append(Diagnostic((), "looks like a person's data", None, remedy, file=name).hide())
    problems = [*refused, *left_out]
    if refused or theme is None or not isinstance(licence, Licence):
        return None, problems
    released = DatasetReleased(
        dataset_id=name,
        released_on=days["issued"] or days["modified"] or today,
        title=title,
        theme=theme,
        publisher=publisher,
        licence=licence,
        update_frequency=frequency_of(described.frequency),
    )
    distributions = tuple(sorted(set(described.distributions), key=lambda one: one.url))
    return PortalDataset(released, days["modified"], distributions), problems


def _label(text: str) -> str:
    """Return a text in one line, cut to the length of a label; empty if nothing is visible."""
    if is_blank(text):
        return ""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_LABEL else line[: _LONGEST_LABEL - 1] + "…"


def _no_licence(texts: tuple[str, ...], *, is_closed: bool) -> tuple[str, str, str]:
    if not is_closed:
        return _unknown(texts, "open licence", "--licence", Licence)
    remedy = "its data may not be counted as open; ask its publisher for another licence"
    return "forbids commercial use or changes", ", ".join(texts), remedy


def _unknown(
    texts: tuple[str, ...], noun: str, option: str, codes: type[Code]
) -> tuple[str, str, str]:
    if not any(texts):
        return "is missing", "", f"name a known {noun} on the portal"
    return (
        f"is no known {noun}",
        ", ".join(texts),
        (f"say what it means: {option} 'WORD=CODE', CODE one of {', '.join(codes)}"),
    )


def _day(text: str, today: date) -> tuple[date | None, str | None]:
    """Return the day at the beginning of a text, by the portal's own clock; or its problem.

    A day before the monitor's first day is that day.
    """
    if not text:
        return None, None
    try:
        day = date.fromisoformat(_whole_day(text))
    except ValueError:
        return None, "is not a day"
    if day > today + _ONE_DAY:
        return None, "is yet to come"
    return max(min(day, today), FIRST_DAY), None


def _whole_day(text: str) -> str:
    """Return the day at the beginning of a text; the first one of a year or a month alone."""
    begin = text.strip()[:10]
    return begin + {len("2019"): "-01-01", len("2019-03"): "-01"}.get(len(begin), "")
