"""Another Région in a process of its own, as SMART_REGION_TERRITORY says: all but the broker.

Writes the generated files to a folder, simulates some months, folds and recounts them, and serves
the page; prints what a test compares, as JSON.
"""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path
from shutil import copy

from audit.recount import audit_records
from events.identifiers import DEPARTMENTS
from operations.generation.files import generated
from report.knowledge import Knowledge
from report.ledger import EventLedger
from sources.importing.mapping import load_mapping
from tests.support.knowledge import shipped, states_held_on
from tests.support.ledgers import simulated_years
from tests.support.served_page import ServedPage

PROJECT = Path(__file__).parents[2]
LAST_DAY = date(2016, 3, 31)
PATHS = (
    "/",
    "/images/carte.svg",
    "/promesses/premises_connectable_ratio/carte",
    "/promesses/schools_connected_ratio/carte",
    "/catalogue.ttl",
    "/donnees.csv",
)


def main(folder: Path) -> None:
    for name in ("deploy", "docs"):
        (folder / name).mkdir()
    copy(PROJECT / "pyproject.toml", folder)
    for part in generated(folder):
        part.write()
    catalogue, records = shipped(), simulated_years(1, LAST_DAY)
    known = Knowledge.from_states(states_held_on(records, catalogue, LAST_DAY), catalogue)
    audit = audit_records(records, catalogue, LAST_DAY)
    compared, different = 0, []
    for (indicator, department), reading in audit.readings.items():
        if catalogue.indicator(indicator).publication is None:
            standing = known.standing(catalogue.indicator(indicator), department, LAST_DAY)
            compared += 1
            if standing.judgement.numerator != reading.numerator:
                different.append([indicator, department])
    with EventLedger() as ledger:
        ledger.append(records)
        page = ServedPage(ledger, known, today=LAST_DAY)
        answers = page.ask(*PATHS)
    document = {
        "taken": [
            load_mapping(name).takes({"code_commune": f"{code}999"})
            for name in ("arcep_ftth_departements", "arcep_ftth_region")
            for code in DEPARTMENTS
        ],
        "records": len(records),
        "refused": audit.account.refused,
        "compared": compared,
        "different": different,
        "page": {path: [one.status, one.body] for path, one in zip(PATHS, answers, strict=True)},
    }
    json.dump(document, sys.stdout, ensure_ascii=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
