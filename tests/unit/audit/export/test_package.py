"""The Frictionless Data Package around a file of figures, read as the specification says."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from audit.export.document import Format, rows_text
from audit.export.package import PACKAGE_FILE, package_text
from audit.export.rows import ExportRow
from smart_region import main
from tests.support.knowledge import shipped
from tests.unit.audit.export.test_rows import everything

AS_OF, KNOWN_ON = date(2018, 6, 30), date(2018, 7, 15)
FORMS: list[Format] = ["csv", "excel", "json"]


def packed(form: Format, known_on: date | None = None) -> tuple[dict[str, Any], bytes]:
    _, _, rows = everything()
    content = rows_text(rows, form).encode()
    text = package_text(
        "figures 2018.csv", content, form, as_of=AS_OF, known_on=known_on, licence="etalab-2.0"
    )
    return json.loads(text), content


def number(field: dict[str, Any], text: str) -> float:
    mark = field.get("decimalChar", ".")
    assert re.fullmatch(rf"-?[0-9]+(\{mark}[0-9]+)?(e-?[0-9]+)?", text)
    return float(text.replace(mark, "."))


READERS: dict[str, Callable[[dict[str, Any], str], object]] = {
    "string": lambda _, text: text,
    "integer": lambda _, text: int(text),
    "number": number,
    "boolean": lambda _, text: {"true": True, "false": False}[text],
    "date": lambda _, text: date.fromisoformat(text),
}


@pytest.mark.parametrize("form", ["csv", "excel"])
def test_every_cell_is_read_by_what_the_package_says(form: Format) -> None:
    _, _, rows = everything()
    package, content = packed(form)
    (resource,) = package["resources"]
    dialect, schema = resource["dialect"], resource["schema"]
    text = content.decode(resource["encoding"]).removeprefix("\ufeff")
    heading, *lines = csv.reader(io.StringIO(text, newline=""), delimiter=dialect["delimiter"])
    assert heading == [field["name"] for field in schema["fields"]]
    read = []
    for line in lines:
        row: dict[str, object] = {}
        for field, cell in zip(schema["fields"], line, strict=True):
            constraints = field["constraints"]
            assert not (constraints["required"] and cell in schema["missingValues"])
            assert cell in {"", *constraints.get("enum", [cell])}
            row[field["name"]] = READERS[field["type"]](field, cell) if cell else None
        read.append(row)
    assert read == [row.model_dump() for row in rows]
    (key,) = schema["uniqueKeys"]
    assert len({tuple(row[name] for name in key) for row in read}) == len(rows)


@pytest.mark.parametrize("form", FORMS)
def test_the_package_has_what_the_specification_asks_for(form: Format) -> None:
    package, content = packed(form)
    (resource,) = package["resources"]
    assert package["profile"] == "tabular-data-package"
    assert resource["profile"] == "tabular-data-resource"
    for named in (package, resource):
        assert re.fullmatch(r"[-a-z0-9._/]+", named["name"])
    assert package["title"] == "Smart Région Île-de-France : indicateurs au 30/06/2018"
    assert package["version"] == "2018.6.30"
    (licence,) = package["licenses"]
    assert licence["name"] == "etalab-2.0"
    assert licence["path"].startswith("https://")
    assert resource["path"] == "figures 2018.csv"
    if form != "json":
        assert resource["bytes"] == len(content)
        assert resource["hash"] == f"sha256:{sha256(content).hexdigest()}"


def test_what_was_known_when_is_in_title_and_version() -> None:
    package, _ = packed("csv", KNOWN_ON)
    assert package["title"].endswith("au 30/06/2018, tels que connus au 15/07/2018")
    assert package["version"] == "2018.6.30+20180715"


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> None:
    _, state_store, _ = everything()
    monkeypatch.setattr("streams.topic_fold.fold_topics", lambda *_, **__: state_store)
    monkeypatch.setattr("catalogue.loader.load_catalogue", lambda *_: shipped())
    monkeypatch.setenv("SMART_REGION_CLOCK", str(AS_OF))


@pytest.mark.usefixtures("figures")
def test_the_command_writes_the_package_beside_its_file(tmp_path: Path) -> None:
    _, _, rows = everything()
    out = tmp_path / "figures.csv"
    done = CliRunner().invoke(main, ["export", "--excel", "--package", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert out.read_bytes() == rows_text(rows, "excel").encode()
    package = json.loads((tmp_path / PACKAGE_FILE).read_text(encoding="utf-8"))
    assert package["resources"][0]["path"] == "figures.csv"
    assert package["resources"][0]["dialect"]["delimiter"] == ";"
    assert [field["name"] for field in package["resources"][0]["schema"]["fields"]] == list(
        ExportRow.model_fields
    )


@pytest.mark.usefixtures("figures")
def test_figures_stay_as_they_were_where_the_package_cannot_be_written(tmp_path: Path) -> None:
    """Its digest would be that of the former ones."""
    out = tmp_path / "figures.csv"
    out.write_text("yesterday's")
    (tmp_path / PACKAGE_FILE).mkdir()

    done = CliRunner().invoke(main, ["export", "--package", "--out", str(out)])

    assert done.exit_code == 2
    assert PACKAGE_FILE in done.stderr
    assert out.read_text() == "yesterday's"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--package"], "--package: is of figures in a file: give --out FILE"),
        (["--package", "--out", "x.csv", "--dictionary"], "--package: is of figures"),
        (["--package", "--out", "x.csv", "--format", "pilote"], "--package: is of figures"),
        (["--package", "--out", PACKAGE_FILE], "--package: is of figures"),
        (["--excel", "--format", "json"], "--excel: is for CSV, not for json"),
    ],
)
def test_what_does_not_go_together_is_reported(arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(main, ["export", *arguments])
    assert done.exit_code == 2
    assert message in done.output
