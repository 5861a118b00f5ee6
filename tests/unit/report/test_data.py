"""The page's data and their descriptions: a program that knows only these reads the figures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any
from urllib.parse import urljoin
from urllib.request import urlopen

import csvw
import pytest

from boundary.spreadsheets import plain_cell
from catalogue.open_data import LICENCE
from report.data import CSVW, KEY
from tests.support.knowledge import shipped
from tests.support.served_page import page_over

INDICATORS = [one.id for one in shipped().indicators]
PATHS = ["donnees", *(f"promesses/{one}" for one in INDICATORS)]
QUERY = "?as_of=2018-01-31&territory=77"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with page_over() as page, page.serving() as address:
        yield address


def document(url: str) -> Any:  # noqa: ANN401 - JSON
    with urlopen(url) as answer:  # noqa: S310 - the page on loopback
        return json.load(answer)


def flat(row: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, cell in row.items():
        found |= (
            {f"{name}_{part}": text for part, text in cell.items()}
            if isinstance(cell, dict)
            else {name: cell}
        )
    return found


def typed(row: dict[str, Any]) -> dict[str, tuple[type, Any]]:
    """Return a row's values with their types: `1` is not `1.0`, nor `True`."""
    return {name: (type(value), value) for name, value in row.items()}


def in_json(value: object) -> object:
    """Return a cell that the library read as JSON has it."""
    return str(value.date()) if isinstance(value, datetime) else value


@pytest.mark.slow
@pytest.mark.parametrize("query", ["", QUERY])
@pytest.mark.parametrize("path", PATHS)
def test_a_csv_read_by_its_metadata_is_the_json(address: str, path: str, query: str) -> None:
    read = csvw.CSVW(f"{address}/{path}.csv{query}", validate=True)
    assert read.is_valid, read.warnings
    [table] = read.tables
    assert [column.name for column in table.tableSchema.columns]
    rows = [
        typed({name: in_json(value) for name, value in row.items()})
        for row in table.iterdicts(strict=True)
    ]
    expected = [
        typed({k: plain_cell(v) if isinstance(v, str) else v for k, v in flat(row).items()})
        for row in document(f"{address}/{path}.json{query}")
    ]
    assert rows == expected
    assert rows
    keys = [tuple(row[name] for name in KEY) for row in rows]
    assert len({*keys}) == len(keys)


@pytest.mark.parametrize("path", PATHS)
def test_a_csv_leads_to_metadata_that_are_of_it(address: str, path: str) -> None:
    """A reader ignores metadata that name another file (tabular-data-model, section 5.2)."""
    url = f"{address}/{path}.csv{QUERY}"
    with urlopen(url) as answer:  # noqa: S310 - the page on loopback
        link, *parameters = answer.headers["Link"].split("; ")
    assert parameters == ['rel="describedby"', f'type="{CSVW}"']
    metadata = urljoin(url, link.strip("<>"))
    with urlopen(metadata) as answer:  # noqa: S310 - as before
        assert answer.headers.get_content_type() == CSVW
        described = json.load(answer)
    assert urljoin(metadata, described["url"]) == url
    assert described["dc:license"] == {"@id": LICENCE["path"]}
    for column in described["tableSchema"]["columns"]:
        assert len(column["titles"]) == 2
        assert column["dc:description"].endswith(".")


READERS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: type(value) is int,
    "number": lambda value: type(value) in (int, float),
    "boolean": lambda value: isinstance(value, bool),
    "date": lambda value: str(date.fromisoformat(value)) == value,
}


@pytest.mark.parametrize("indicator", INDICATORS)
def test_a_data_package_has_the_figures_as_its_schema_says(address: str, indicator: str) -> None:
    package = document(f"{address}/promesses/{indicator}/datapackage.json{QUERY}")
    assert package["profile"] == "tabular-data-package"
    assert package["name"] == indicator
    assert package["version"] == "2018.1.31"
    assert package["licenses"] == [LICENCE]
    [resource] = package["resources"]
    assert resource["profile"] == "tabular-data-resource"
    rows = document(f"{address}/promesses/{indicator}.json{QUERY}")
    assert resource["data"] == [flat(row) for row in rows]
    for field in resource["schema"]["fields"]:
        cells = [row.pop(field["name"]) for row in resource["data"]]
        assert all(READERS[field["type"]](cell) for cell in cells if cell is not None)
        assert not (field["constraints"]["required"] and None in cells)
    assert not any(resource["data"])


@pytest.mark.parametrize(
    "path",
    [
        "/promesses/inconnue.csv-metadata.json",
        "/promesses/inconnue/datapackage.json",
        "/promesses/datapackage.json/datapackage.json",
    ],
)
def test_an_unknown_indicator_has_no_description(path: str) -> None:
    with page_over() as page:
        [answer] = page.ask(path)
    assert answer.status == 404
    assert "Link" not in answer.headers
