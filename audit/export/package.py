"""A Frictionless Data Package around one file of figures: datapackage.json, version 1 of the spec.

specs.frictionlessdata.io/data-package and /tabular-data-package: what a catalogue of open data
needs of the file, and a program to read it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from hashlib import sha256
from typing import Any, Final

from audit.export.document import DELIMITERS, Format, table_schema

PACKAGE_FILE: Final = "datapackage.json"
KEYWORDS: Final = ("Île-de-France", "Smart Région", "numérique", "politiques publiques")


_LICENCES: Final[Mapping[str, tuple[str, str]]] = {
    "etalab-2.0": (
        "Licence Ouverte / Open Licence 2.0",
        "https://www.etalab.gouv.fr/licence-ouverte-open-licence/",
    ),
    "ODbL-1.0": ("Open Database License 1.0", "https://opendatacommons.org/licenses/odbl/1-0/"),
}
"""Those under which a French administration may publish data (CRPA, art. D323-2-1)."""


def package_text(
    file: str, content: bytes, form: Format, *, as_of: date, known_on: date | None, licence: str
) -> str:
    """Describe a file of figures that lies beside it, by its name and what is in it.

    The version is the day of the figures, and behind a `+` that on which they were known.
    """
    known = "" if known_on is None else f"+{known_on:%Y%m%d}"
    known_in_words = "" if known_on is None else f", tels que connus au {known_on:%d/%m/%Y}"
    title, path = _LICENCES[licence]
    package = {
        "profile": "tabular-data-package",
        "name": "smart-region-indicateurs",
        "title": f"Smart Région Île-de-France : indicateurs au {as_of:%d/%m/%Y}{known_in_words}",
        "description": "Valeur de chaque indicateur des programmes Smart Région, par territoire et "
        "par catégorie, face à ses cibles.",
        "version": f"{as_of.year}.{as_of.month}.{as_of.day}{known}",
        "keywords": list(KEYWORDS),
        "licenses": [{"name": licence, "title": title, "path": path}],
        "resources": [_resource(file, content, form)],
    }
    return json.dumps(package, ensure_ascii=False, indent=1) + "\n"


def _resource(file: str, content: bytes, form: Format) -> dict[str, Any]:
    kind = "json" if form == "json" else "csv"
    resource: dict[str, Any] = {
        "profile": "tabular-data-resource",
        "name": re.sub(r"[^a-z0-9._-]+", "-", file.lower()).strip("-.") or "figures",
        "path": file,
        "title": "Indicateurs",
        "format": kind,
        "mediatype": "application/json" if kind == "json" else "text/csv",
        "encoding": "utf-8",
        "schema": table_schema(form),
    }
    if kind == "csv":
        # Not of JSON: the usual reader, frictionless, counts no bytes of it, and finds it wrong.
        resource["bytes"] = len(content)
        resource["hash"] = f"sha256:{sha256(content).hexdigest()}"
        resource["dialect"] = {
            "delimiter": DELIMITERS[form],
            "lineTerminator": "\r\n",
            "quoteChar": '"',
            "doubleQuote": True,
            "header": True,
        }
    return resource
