"""The file of another territory, begun from Insee's Code officiel géographique."""

from __future__ import annotations

import csv
import json
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from boundary.diagnostic import Diagnostic
from boundary.errors import SmartRegionError

_WIDTH: Final = 95
#: The UAIs of Corse are older than its two départements: no digits follow from 2A and 2B.
_UAI: Final = {"2A": "620", "2B": "720"}
_BEGINNING: Final = """\
# The territory that the monitor serves: SMART_REGION_TERRITORY names this file. From Insee's Code
# officiel géographique (Open Licence), which does not have what stands behind a `#`: write it, and
# remove the `#`, or leave it out.

"""
_OPTIONAL: Final = """\
# of_name: du Grand Est  # the name in French after a noun
# nuts: FRF1  # its code in the EU's NUTS, and below those of its départements
# latitude: [47, 51]  # the whole degrees from and up to which positions are
# longitude: [3, 9]
# outlines: outlines.json  # without outlines, pages have tables and no maps
# commune_outlines: communes.json
"""


def new_territory(region: str, files: Sequence[Path]) -> str:
    """Return the file of a Région, by its INSEE code, from files of the Code officiel géographique.

    They are those of départements, and optionally of communes and of régions (for its name), in
    any order. Raises SmartRegionError.
    """
    rows = [row for file in files for row in _rows(file) if row["REG"] == region]
    departments = [row for row in rows if row.get("DEP") and "COM" not in row]
    if not departments:
        raise _error("region", region, "has no département in the files", "name Insee's file of it")
    names = [row["LIBELLE"] for row in rows if "DEP" not in row]
    lines = [f'code: "{region}"']
    lines += [f"name: {_text(one)}" for one in names] or [
        f'name: "Région {region}"  # in full: the files name départements only'
    ]
    communes: dict[str, list[str]] = defaultdict(list)
    divided: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.get("TYPECOM") in ("COM", "ARM"):
            ends = row["COM"].removeprefix(row["DEP"])
            communes[row["DEP"]].append(ends)
            if row["TYPECOM"] == "ARM":
                divided[row["COMPARENT"]].append(ends)
    listed = [line for one in departments for line in _department(one, communes[one["DEP"]])]
    parts = ["\n".join([*lines, ""]), _OPTIONAL, "\n".join(["departments:", *listed, ""])]
    if divided:
        within = [f'  "{whole}": {_text(_ranges(ends))}' for whole, ends in divided.items()]
        parts.append("\n".join(["arrondissements:", *within, ""]))
    return _BEGINNING + "\n".join(parts)


def _rows(file: Path) -> Iterator[Mapping[str, str]]:
    """Yield the rows of a file by the names of columns in capitals."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.DictReader(lines, restkey="", restval="")
            names = {name.upper() for name in rows.fieldnames or ()}
            if not {"REG", "LIBELLE"} <= names:
                remedy = "give Insee's CSV of départements, communes or régions"
                raise _error("cog", str(file), "has no column REG and LIBELLE", remedy)
            for row in rows:
                yield {name.upper(): text for name, text in row.items()}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _error("cog", str(file), "cannot be read", "give a CSV in UTF-8") from error


def _department(row: Mapping[str, str], communes: Sequence[str]) -> Iterator[str]:
    code = row["DEP"]
    yield f'  - code: "{code}"'
    yield f"    name: {_text(row['LIBELLE'])}"
    if code in _UAI:
        yield f'    uai: "{_UAI[code]}"'
    yield "    # nuts: FRF11"
    yield "    # marker: [48.9, 4.3]  # where boards mark it: latitude, longitude"
    if communes:
        yield "    communes: >-"
        yield textwrap.indent(textwrap.fill(_ranges(communes), _WIDTH), "      ")


def _text(text: str) -> str:
    return json.dumps(text.replace("'", "’"), ensure_ascii=False)


def _ranges(ends: Iterable[str]) -> str:
    """Return numbers as single ones and ranges: `1-16 18`."""
    runs: list[list[int]] = []
    for number in sorted(map(int, ends)):
        if runs and number == runs[-1][-1] + 1:
            runs[-1] = [runs[-1][0], number]
        else:
            runs.append([number])
    return " ".join("-".join(map(str, run)) for run in runs)


def _error(field: str, value: str, problem: str, remedy: str) -> SmartRegionError:
    return SmartRegionError(str(Diagnostic((), problem, value, remedy, field=field)))
