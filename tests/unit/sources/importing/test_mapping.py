"""Declared mappings."""

from pathlib import Path

import pytest

from boundary.errors import SmartRegionError
from events.declaration import InvalidDeclarationError
from events.producers.model import load_producers
from sources.importing.mapping import load_mapping, mapping_names
from tests.support.golden import check_golden

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
def test_the_shipped_mappings_may_send_through_the_gateway(name: str) -> None:
    """Their source is a declared producer's, which may send their fact."""
    mapping = load_mapping(name)
    producer = load_producers().of_source(mapping.source)
    assert producer is not None
    assert mapping.kind.TYPE in producer.event_types


def test_an_unknown_mapping_is_reported_with_those_that_there_are() -> None:
    with pytest.raises(SmartRegionError, match="lycees_idf_uai"):
        load_mapping("lycees")


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
MISTAKES = (
    (MAPPING, "school.connected", "school.conected"),
    (MAPPING, "  uai: code\n", ""),
    (MAPPING, "downlink_mbps", "downlink"),
    (MAPPING, "as: day", "as: dayy"),
    (MAPPING, "column: date, as: day", "as: day"),
    (MAPPING, "column: date,", "column: date, constant: 1,"),
    (MAPPING, "column: debit", "total: debit"),
    (MAPPING, "column: debit", "colum: debit"),
    (MAPPING, "source: urn:test:liste", "source: a b"),
    *((MAPPING, "only:", f"delimiter: {sign}\nonly:") for sign in (r'"\n"', r'"\""', '";;"')),
    (MAPPING, "column: date, as: day", "each: {a: b}"),
    (MAPPING, "column: date, as: day", "constant: 2009-01-01"),
    (MAPPING, "column: date, as: day", "constant: hier"),
    (MAPPING, "column: debit, default: 100", "constant: 0"),
    # Of words that differ in nothing, the last one would count.
    (MAPPING, "column: date,", "column: date, values: {Oui: x, OUI: y, oui: y},"),
    # A mapping that would refuse every line is refused itself.
    (USAGE, "", ""),
    (USAGE, "{ each: { companies", "{ column: x } #"),
)


def test_a_mistake_is_reported_where_it_is(tmp_path: Path) -> None:
    """The golden file has the mistakes of each change in MISTAKES."""
    found = []
    for text, old, new in MISTAKES:
        assert old in text
        found.append(
            "\n".join((f"# {old!r} → {new!r}", *mistakes(tmp_path, text.replace(old, new))))
        )
    check_golden(Path(__file__).with_name("mistakes.txt"), "\n\n".join(found) + "\n")
