"""A Frictionless Data Package around one file of figures: datapackage.json.

It is what a catalogue of open data needs of the file, and a program to read it.
"""

from __future__ import annotations

import re
from datetime import date
from hashlib import sha256
from typing import Any, Final

from audit.export.document import DELIMITERS, Format, table_schema
from catalogue.open_data import LICENCES, data_package
from catalogue.territories import REGION_NAME

PACKAGE_FILE: Final = "datapackage.json"


def package_text(
    file: str, content: bytes, form: Format, *, as_of: date, known_on: date | None, licence: str
) -> str:
    """Describe a file of figures that lies beside it, by its name and what is in it."""
    return data_package(
        "smart-region-indicateurs",
        f"Smart Région {REGION_NAME} : indicateurs",
        "Valeur de chaque indicateur des programmes Smart Région, par territoire et "
        "par catégorie, face à ses cibles.",
        _resource(file, content, form),
        as_of=as_of,
        known_on=known_on,
        licence=LICENCES[licence],
    )


def _resource(file: str, content: bytes, form: Format) -> dict[str, Any]:
    kind = "json" if form == "json" else "csv"
    resource: dict[str, Any] = {
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
