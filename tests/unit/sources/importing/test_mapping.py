"""Declared mappings."""

from pathlib import Path

import pytest

from boundary.errors import SmartRegionError
from events.declaration import InvalidDeclarationError
from events.producers.model import load_producers
from sources.importing.mapping import load_mapping, mapping_names

MAPPING = """\
title: Une liste
fact: school.connected
source: urn:test:liste
only: { secteur: [public] }
fields:
  uai: code
  connected_on: { column: date, as: day }
  downlink_mbps: { column: debit, default: 100 }
"""


def mistakes(folder: Path, text: str) -> list[str]:
    """Return the mistakes of a mapping, without its file."""
    file = folder / "mapping.yaml"
    file.write_text(text)
    with pytest.raises(InvalidDeclarationError) as refused:
        load_mapping(str(file))
    return [str(error).removeprefix(f"{file}:") for error in refused.value.diagnostics]


def test_a_mapping_lists_the_columns_that_it_needs(tmp_path: Path) -> None:
    file = tmp_path / "mapping.yaml"
    file.write_text(MAPPING)
    assert load_mapping(str(file)).layout.columns == ("code", "date", "debit", "secteur")


@pytest.mark.parametrize("name", mapping_names())
def test_the_mappings_that_are_carried_are_right(name: str) -> None:
    assert load_mapping(name).title


@pytest.mark.parametrize("name", mapping_names())
def test_the_shipped_mappings_may_send_through_the_gateway(name: str) -> None:
    """Their source is a declared producer's, which may send their fact."""
    mapping = load_mapping(name)
    producer = load_producers().of_source(mapping.source)
    assert producer is not None
    assert mapping.kind.TYPE in producer.event_types


def test_a_word_has_one_meaning(tmp_path: Path) -> None:
    """The last one would count."""
    text = MAPPING + "  retracted: {column: x, values: {Oui: true, OUI: false, oui: false}}\n"
    (found,) = mistakes(tmp_path, text)
    assert "fields.retracted.values.Oui: means two things" in found


def test_an_unknown_mapping_is_reported_with_those_that_there_are() -> None:
    with pytest.raises(SmartRegionError, match="lycees_idf_uai"):
        load_mapping("lycees")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("school.connected", "school.conected", "2: fact: is not a fact, value 'school.conected'"),
        ("  uai: code\n", "", "leaves out uai: say what fills it: UAI of a lycée"),
        ("downlink_mbps", "downlink", "fields.downlink: is not a field of school.connected"),
        (
            "as: day",
            "as: dayy",
            "fields.connected_on.as: is not a conversion, value 'dayy': write 'day'",
        ),
        (
            "column: date, as: day",
            "as: day",
            "fields.connected_on: is not one rule: give one of column",
        ),
        (
            "column: date,",
            "column: date, constant: 1,",
            "is not one rule, value 'column, constant'",
        ),
        ("column: debit", "total: debit", "fields.downlink_mbps: is half of a total"),
        (
            "column: debit",
            "colum: debit",
            "is not a known key here, value 'colum': write 'column'",
        ),
        ("source: urn:test:liste", "source: a b", "3: source: "),
        *(
            (
                "source: urn:test:liste",
                f"source: urn:test:liste\ndelimiter: {sign}",
                "4: delimiter: does not have the right form",
            )
            for sign in (r'"\n"', r'"\""', '";;"')
        ),
        ("column: date, as: day", "each: {a: b}", "fields.connected_on: is one value"),
        ("column: date, as: day", "constant: 2009-01-01", "connected_on.constant: should be"),
        ("column: date, as: day", "constant: hier", "connected_on.constant: is not a day"),
        ("column: debit, default: 100", "constant: 0", "downlink_mbps.constant: should be greater"),
    ],
)
def test_a_mistake_is_reported_where_it_is(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    assert old in MAPPING
    assert any(expected in mistake for mistake in mistakes(tmp_path, MAPPING.replace(old, new))), (
        mistakes(tmp_path, MAPPING.replace(old, new))
    )


USAGE = """\
title: Heures
fact: workstation.usage_reported
source: urn:test:heures
fields:
  site_id: site
  period_start: du
  period_end: au
  department: { constant: "33" }
  available_hours: offre
  occupied_hours: { each: { companies: entreprises } }
"""


def test_parts_and_codes_are_checked_before_the_first_line(tmp_path: Path) -> None:
    """A mapping that could refuse every line is refused itself."""
    department, hours = mistakes(tmp_path, USAGE)
    assert department.startswith("8: fields.department.constant: is not one of the known values")
    assert hours.startswith("10: fields.occupied_hours.each.companies: is not one of the known")
    (one,) = mistakes(
        tmp_path, USAGE.replace('"33"', '"77"').replace("{ each: { companies", "{ column: x } #")
    )
    assert "occupied_hours: is several numbers" in one
