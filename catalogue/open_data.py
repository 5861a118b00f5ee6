"""How figures are published as open data: licences, keywords, themes and data packages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from events.document import data_beside
from events.territory import TERRITORY

_DATA: Final = data_beside(__file__, TERRITORY.words)

KEYWORDS: Final[tuple[str, ...]] = tuple(_DATA["keywords"])
THEMES: Final[tuple[str, ...]] = tuple(_DATA["themes"])
"""Codes of the EU's table of themes."""
COLUMNS: Final[Mapping[str, Mapping[str, str]]] = _DATA["columns"]
"""The title and the description of each column of an export."""
LICENCES: Final[Mapping[str, Mapping[str, str]]] = {
    name: {"name": name, **texts} for name, texts in _DATA["licences"].items()
}
"""By SPDX code: name, title and path, as in a data package."""
LICENCE: Final = LICENCES["etalab-2.0"]
"""The licence of what the page shows."""


def data_package(
    name: str,
    title: str,
    description: str,
    resource: Mapping[str, Any],
    *,
    as_of: date,
    known_on: date | None,
    licence: Mapping[str, str] = LICENCE,
) -> str:
    """Return a Frictionless Data Package of one table, version 1 of the specification, as JSON.

    specs.frictionlessdata.io/data-package and /tabular-data-package. The version is the day of the
    figures, and behind a `+` that on which they were known; the title has both.
    """
    known = "" if known_on is None else f"+{known_on:%Y%m%d}"
    known_in_words = "" if known_on is None else f", tels que connus au {known_on:%d/%m/%Y}"
    package = {
        "profile": "tabular-data-package",
        "name": name,
        "title": f"{title} au {as_of:%d/%m/%Y}{known_in_words}",
        "description": description,
        "version": f"{as_of.year}.{as_of.month}.{as_of.day}{known}",
        "keywords": list(KEYWORDS),
        "licenses": [licence],
        "resources": [{"profile": "tabular-data-resource", **resource}],
    }
    return json.dumps(package, ensure_ascii=False, indent=1) + "\n"
