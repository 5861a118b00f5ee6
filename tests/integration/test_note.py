"""The monthly note from a real broker: its figures are the audit's, its bytes always the same."""

from __future__ import annotations

import json
from datetime import date
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from catalogue.formatting import NumberFormat
from catalogue.loader import load_catalogue
from tests.support.commands import run
from tests.support.kafka import KafkaBroker
from tests.support.traffic import region, send

pytestmark = pytest.mark.timeout(300)

MONTH = ("--month", "2016-03")
DAYS = ("--as-of", "2016-03-31", "--known-on", "2016-03-31")


def written(broker: KafkaBroker, out: Path) -> str:
    done = run(broker, "note", *MONTH, "--out", str(out))
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().rpartition(" ")[2]


def test_the_note_is_that_of_the_audit(broker: KafkaBroker, tmp_path: Path) -> None:
    send(broker.bootstrap, region(7, date(2016, 1, 1), date(2016, 4, 30)))
    pdf, again, data = (tmp_path / name for name in ("a.pdf", "b.pdf", "note.json"))
    digests = {written(broker, out) for out in (pdf, again, data)}
    audited = run(broker, "audit", *DAYS, "--json")
    assert audited.returncode == 0, audited.stderr

    assert digests == {sha256(data.read_bytes()).hexdigest()}
    assert pdf.read_bytes() == again.read_bytes()
    counted = {
        one["indicator"]: one["value"] if one["last_reported"] else None
        for one in json.loads(audited.stdout)["figures"]
        if one["department"] is None
    }
    compared = 0
    for block in json.loads(data.read_text(encoding="utf-8"))["sections"][0]["blocks"]:
        if block["kind"] != "table":
            continue
        column = [one["title"] for one in block["columns"]].index("Valeur")
        for row in block["rows"]:
            name = urlsplit(row["reference"]["path"]).path.split("/")[1]
            indicator = load_catalogue().indicator(name)
            value = counted[name]
            if indicator.publication is None and value is not None:
                told = NumberFormat.of(indicator).text(value)
                assert row["cells"][column]["cell"]["text"] == told
                compared += 1
    assert compared > 8
