"""Lines of CSV files by a mapping."""

import unicodedata
from collections import Counter
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal

import pytest

from boundary.diagnostic import Diagnostic
from boundary.errors import SmartRegionError
from events.fact import JSON
from events.school import SchoolRegistered
from sources.importing.findings import Finding, FoundEvent, SkippedLine
from sources.importing.mapped import ADDED, LEFT_OUT, SPOILT, MappedReader
from sources.importing.mapping import CsvMapping, load_mapping
from sources.importing.table import open_table
from tests.support.tables import RECORDED, shared_file, write_file


def mapping(fact: str, fields: Mapping[str, object], **more: Any) -> CsvMapping:
    """Declare a mapping."""
    return CsvMapping.model_validate(
        {"title": "Test", "fact": fact, "source": "urn:test", "fields": fields, **more}
    )


CONNECTED = {"uai": "uai", "connected_on": "date", "downlink_mbps": "debit"}
DELIVERED: dict[str, Any] = {
    "delivery_id": {"template": "liv-{uai}-{lot}"},
    "delivered_on": {"constant": "31/12/2019"},
    "uai": "uai",
    "department": {"column": "uai", "as": "department_of_uai"},
    "kind": {"column": "quoi", "values": {"Tablette": "tablet", "PC de l’élève": "laptop"}},
    "quantity": {"column": "nombre", "default": 1},
    "completes_plan": "complet",
}
USAGE: dict[str, Any] = {
    "site_id": "site",
    "period_start": "du",
    "period_end": "au",
    "department": {"constant": "77"},
    "available_hours": "offre",
    "occupied_hours": {"each": {"company": "entreprises", "employee": "salaries"}},
}
ENROLLED: dict[str, Any] = {
    "enrolment_id": {"pseudonym": "stagiaire"},
    "enrolled_on": "date",
    "programme": {"constant": "second_digital_chance"},
    "audience": {"constant": "other"},
    "department": "dep",
}
PREMISES: dict[str, Any] = {
    "indicator": {"constant": "LOCAUX"},
    "territory": {"column": "commune", "as": "territory_of_commune"},
    "observed_on": {"column": "trimestre", "as": "quarter"},
    "value": {"total": "locaux", "of_each": "commune"},
}


def pseudonym(text: str) -> str:
    """Stand for a key's pseudonym."""
    return f"k1-{sum(text.encode()):032x}"


def read(folder: Path, declared: CsvMapping, text: str) -> list[Finding]:
    """Read a file by a mapping."""
    reader = MappedReader(declared, pseudonymise=pseudonym)
    table = open_table(write_file(folder, text), reader.layout)
    return list(reader.read(table, RECORDED))


def stated(folder: Path, declared: CsvMapping, text: str) -> list[dict[str, JSON]]:
    """Read a file in which every line is right, and give the facts as JSON."""
    findings = read(folder, declared, text)
    found = [finding for finding in findings if isinstance(finding, FoundEvent)]
    assert not [finding for finding in findings if isinstance(finding, Diagnostic)], findings
    return [one.event.fact.model_dump(mode="json") for one in found]


def refused(folder: Path, declared: CsvMapping, text: str) -> list[str]:
    """Return the refusals of a file, without its name."""
    return [
        str(finding).removeprefix(f"{finding.file}:")
        for finding in read(folder, declared, text)
        if isinstance(finding, Diagnostic)
    ]


def test_a_line_becomes_a_fact(tmp_path: Path) -> None:
    text = "uai;date;debit\n0750419Y;01/09/2018;1 000,0\n"
    assert stated(tmp_path, mapping("school.connected", CONNECTED), text) == [
        {
            "uai": "0750419Y",
            "connected_on": "2018-09-01",
            "downlink_mbps": 1000,
            "retracted": False,
        }
    ]


def test_constants_templates_values_and_defaults(tmp_path: Path) -> None:
    text = "uai;lot;quoi;nombre;complet\n0750419Y;7;pc de l'élève;;oui\n"
    assert stated(tmp_path, mapping("equipment.delivered", DELIVERED), text) == [
        {
            "delivery_id": "liv-0750419Y-7",
            "delivered_on": "2019-12-31",
            "uai": "0750419Y",
            "department": "75",
            "kind": "laptop",
            "quantity": 1,
            "completes_plan": True,
            "retracted": False,
        }
    ]


@pytest.mark.parametrize(
    ("line", "made"),
    [
        # Braces in a cell are no columns.
        ("{uai};Tablette;;oui", "2: delivery_id does not have the right form"),
        (";Tablette;;oui", "2: lot: is empty: fill it in"),
        (
            "7;écran;;oui",
            "2: quoi: is not a value that the mapping knows, value 'écran': write one of Tablette",
        ),
        ("7;cle\u0301\u00a0D'ACCÈS;;oui", ""),
    ],
)
def test_templates_and_words_are_read_as_meant(tmp_path: Path, line: str, made: str) -> None:
    kind = {"column": "quoi", "values": {"Tablette": "tablet", "Clé d\u2019accès": "laptop"}}
    declared = mapping("equipment.delivered", {**DELIVERED, "kind": kind})
    found = refused(tmp_path, declared, f"uai;lot;quoi;nombre;complet\n0750419Y;{line}\n")
    assert (len(found), "".join(found).startswith(made)) == (bool(made), True)


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
def test_lines_are_chosen_whatever_the_form_of_accents(
    tmp_path: Path, forms: tuple[Literal["NFC", "NFD"], Literal["NFC", "NFD"]]
) -> None:
    """Else all lines of a file would be left out, without a word."""
    written, saved = forms
    only = {"état": [unicodedata.normalize(written, "réalisé*")]}
    text = unicodedata.normalize(saved, "uai;date;debit;état\n0750419Y;01/09/2018;1000;réalisé\n")

    assert len(stated(tmp_path, mapping("school.connected", CONNECTED, only=only), text)) == 1


@pytest.mark.parametrize(
    ("pattern", "cell"),
    [
        ("mis en service*", "mis en\u00a0service"),
        ("mis\u202fen  service", "mis en service"),
        ("lycée d'enseignement", "lycée d\u2019enseignement"),
        ("d\u2019été*", "d'été 2019"),
    ],
)
def test_lines_are_chosen_whatever_their_spaces_and_apostrophes(
    tmp_path: Path, pattern: str, cell: str
) -> None:
    """Word processors write others than keyboards have, and nobody sees it."""
    declared = mapping("school.connected", CONNECTED, only={"état": [pattern]})
    text = f"uai;date;debit;état\n0750419Y;01/09/2018;1000;{cell}\n"

    assert len(stated(tmp_path, declared, text)) == 1


def test_a_field_of_several_numbers_has_a_column_each(tmp_path: Path) -> None:
    text = "site;du;au;offre;entreprises;salaries\ns-1;01/03/2019;31/03/2019;900;300;20\n"
    (fact,) = stated(tmp_path, mapping("workstation.usage_reported", USAGE), text)
    assert fact["occupied_hours"] == {"company": 300, "employee": 20}


def test_a_total_may_be_beside_a_field_of_several_numbers(tmp_path: Path) -> None:
    """Lines whose other fields are the same are one total, and others another."""
    fields = {**USAGE, "available_hours": {"total": "offre", "of_each": "poste"}}
    text = (
        "site;du;au;offre;poste;entreprises;salaries\n"
        "s-1;01/03/2019;31/03/2019;100;a;30;20\ns-1;01/03/2019;31/03/2019;50;b;30;20\n"
        "s-2;01/03/2019;31/03/2019;70;a;30;20\n"
    )
    facts = stated(tmp_path, mapping("workstation.usage_reported", fields), text)
    assert [fact["available_hours"] for fact in facts] == [150, 70]


def test_what_several_columns_make_is_reported_by_what_is_to_blame(tmp_path: Path) -> None:
    """The part that is wrong by its column; what none of them is alone, by the fact's field."""
    heading = "site;du;au;offre;entreprises;salaries\n"
    declared = mapping("workstation.usage_reported", USAGE)
    (part,) = refused(tmp_path, declared, f"{heading}s-1;01/03/2019;31/03/2019;900;300;-20\n")
    assert part.startswith("2: salaries: should be greater than or equal to 0, value '-20'")
    (total,) = refused(tmp_path, declared, f"{heading}s-1;01/03/2019;31/03/2019;30;20;20\n")
    assert total.startswith("2: occupied_hours adds up to more than the available hours: ")
    declared = mapping("equipment.delivered", DELIVERED)
    text = "uai;lot;quoi;nombre;complet\n0750419Y;n° 7;Tablette;;oui\n"
    (made,) = refused(tmp_path, declared, text)
    assert made.startswith("2: delivery_id does not have the right form: write: identifier")


def test_euros_become_cents(tmp_path: Path) -> None:
    fields = {
        "grant_id": "id",
        "paid_on": "date",
        "call": {"constant": "shared_workplaces"},
        "siret": "siret",
        "amount_cents": {"column": "montant", "as": "euros"},
        "department": {"constant": "75"},
    }
    heading, line = "id;date;siret;montant\n", "g-1;2019-01-01;23750007900312;"
    declared = mapping("grant.paid", fields)
    assert stated(tmp_path, declared, f"{heading}{line}1 234,56\n")[0]["amount_cents"] == 123456
    (refusal,) = refused(tmp_path, declared, f"{heading}{line}0,001\n")
    assert "montant: has fractions of a cent, value '0,001'" in refusal


def test_only_some_lines_are_taken(tmp_path: Path) -> None:
    """Those whose cells fit one of the patterns; the others are counted, whatever they hold."""
    declared = mapping("school.connected", CONNECTED, only={"dep": ["7*", "95"]})
    text = "uai;date;debit;dep\n0750419Y;2018-09-01;1;75\n?;?;?;33\n"
    assert [type(finding) for finding in read(tmp_path, declared, text)] == [
        FoundEvent,
        SkippedLine,
    ]
    assert read(tmp_path, declared, text)[1] == SkippedLine(3, LEFT_OUT)


@pytest.mark.parametrize("state", ["livré [lot 3]", "livré ?", "livré]"])
def test_a_pattern_has_no_other_sign_than_the_asterisk(tmp_path: Path, state: str) -> None:
    """Else all lines of a file would be left out, without a word."""
    declared = mapping("school.connected", CONNECTED, only={"état": [state]})
    text = f"uai;date;debit;état\n0750419Y;2018-09-01;1;{state}\n0750419Y;2018-09-02;1;livré x\n"
    assert len(stated(tmp_path, declared, text)) == 1


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "0750419Z;2018-09-01;1",
            "2: uai: has a wrong check letter, value '0750419Z': these",
        ),
        ("0750419Y;9/2018;1", "2: date: is not a day, value '9/2018': write it as 2020-12-31"),
        ("0750419Y;2018-09-01;0", "2: debit: should be greater than 0, value '0': write: downlink"),
        ("0750419Y;;1", "2: date: is empty: fill it in, or remove the line"),
        ("0750419Y;2024-03-05;1", "2: date: is after the day on which the file was last changed"),
    ],
)
def test_a_wrong_cell_is_reported_by_its_column(tmp_path: Path, line: str, expected: str) -> None:
    (refusal,) = refused(
        tmp_path, mapping("school.connected", CONNECTED), f"uai;date;debit\n{line}\n"
    )
    assert refusal.startswith(expected)


def test_all_wrong_cells_of_a_line_are_reported(tmp_path: Path) -> None:
    text = "uai;date;debit\n0750419Z;x;y\n"
    refusals = refused(tmp_path, mapping("school.connected", CONNECTED), text)
    assert [refusal.split(":")[1] for refusal in refusals] == [" date", " debit", " uai"]


def test_what_identifies_a_person_is_replaced(tmp_path: Path) -> None:
    text = "stagiaire;date;dep\nJEAN DUPONT;2019-01-01;75\n"
    findings = read(tmp_path, mapping("training.enrolled", ENROLLED), text)
    (found,) = findings
    assert isinstance(found, FoundEvent)
    assert found.event.fact.entity_id == pseudonym("JEAN DUPONT")
    assert "DUPONT" not in repr(findings)


def test_a_mapping_with_persons_needs_a_key() -> None:
    with pytest.raises(SmartRegionError, match="--pseudonym-key"):
        MappedReader(mapping("training.enrolled", ENROLLED))


def test_what_should_be_a_pseudonym_and_is_none_is_not_repeated(tmp_path: Path) -> None:
    """It may be the person's name."""
    declared = mapping("training.enrolled", {**ENROLLED, "enrolment_id": "stagiaire"})
    text = "stagiaire;date;dep\nJean Dupont;2019-01-01;75\n"
    (refusal,) = refused(tmp_path, declared, text)
    assert "stagiaire: does not have the right form, value (not shown" in refusal
    assert "Dupont" not in refusal


REGISTERED: dict[str, Any] = {
    "uai": "uai",
    "registered_on": {"constant": "2016-01-01"},
    "name": "nom",
    "kind": {"constant": "vocational"},
    "commune": "commune",
}


def test_a_person_s_data_in_a_right_field_are_refused(tmp_path: Path) -> None:
    text = "uai;nom;commune\n0750419Y;Lycée Monod, jean.dupont@example.org;75118\n"
    (refusal,) = refused(tmp_path, mapping("school.registered", REGISTERED), text)
    assert refusal.startswith("2: nom: looks like a person's data, value (not shown")
    assert "dupont" not in refusal


def test_what_looks_like_a_person_s_data_is_not_repeated(tmp_path: Path) -> None:
    """Wherever it stands by mistake; the name of a lycée is no person's."""
    declared = mapping("school.registered", REGISTERED)
    text = f"uai;nom;commune\n06 12 34 56 78;Monod;75118\n0750419Y;{'x' * 201};75118\n"
    mistaken, too_long = refused(tmp_path, declared, text)
    assert "uai: does not have the right form, value (not shown" in mistaken
    assert "nom: " in too_long
    assert "value 'xxx" in too_long


PREMISES_FILE = """\
commune;trimestre;locaux
77001;T3 2017;10
77002;T3 2017;5
95001;T3 2017;7
77001;T4 2017;11
"""


def test_a_total_is_one_fact_of_many_lines(tmp_path: Path) -> None:
    findings = read(tmp_path, mapping("indicator.observed", PREMISES), PREMISES_FILE)
    found = [finding for finding in findings if isinstance(finding, FoundEvent)]
    assert [(one.line, one.event.fact.model_dump(mode="json")["value"]) for one in found] == [
        (2, 15),
        (4, 7),
        (5, 11),
    ]
    assert [finding for finding in findings if isinstance(finding, SkippedLine)] == [
        SkippedLine(3, ADDED)
    ]


def test_what_is_counted_twice_in_a_total_is_refused(tmp_path: Path) -> None:
    """And no total is sent before the line is corrected: it would be wrong."""
    text = f"{PREMISES_FILE}77001;T3 2017;10\n"
    findings = read(tmp_path, mapping("indicator.observed", PREMISES), text)
    refusal, *others = findings
    assert "6: commune: was counted on line 2, value '77001'" in str(refusal)
    assert sorted(others, key=lambda one: one.line if isinstance(one, SkippedLine) else 0) == [
        SkippedLine(line, SPOILT) for line in (2, 3, 4, 5)
    ]


def test_the_open_directory_of_lycees_is_read_in_full() -> None:
    """Its 458 public lycées, by département as its readme counts them; none is refused."""
    reader = MappedReader(load_mapping("lycees_idf_uai"))
    table = open_table(shared_file("lycees_idf_uai.csv"), reader.layout)
    findings = list(reader.read(table, RECORDED))
    lycees = [one.event.fact for one in findings if isinstance(one, FoundEvent)]
    assert len(findings) == 666
    assert all(isinstance(one, FoundEvent | SkippedLine) for one in findings)
    by_department = Counter(str(lycee.attributes()["department"]) for lycee in lycees)
    assert by_department == {
        "75": 95,
        "77": 54,
        "78": 49,
        "91": 45,
        "92": 55,
        "93": 68,
        "94": 47,
        "95": 45,
    }
    first = lycees[0]
    assert isinstance(first, SchoolRegistered)
    assert (first.uai, first.commune, first.kind) == ("0750419Y", "75118", "vocational")


def test_the_observatory_of_fibre_is_added_up() -> None:
    totals: dict[str, Counter[date]] = {}
    for name in ("arcep_ftth_departements", "arcep_ftth_region"):
        reader = MappedReader(load_mapping(name))
        table = open_table(shared_file("arcep_ftth_communes_idf_2017T3_2018T1.csv"), reader.layout)
        findings = list(reader.read(table, RECORDED))
        assert len(findings) == 3828
        totals[name] = Counter()
        for one in findings:
            assert isinstance(one, FoundEvent | SkippedLine)
            if isinstance(one, FoundEvent):
                value = one.event.fact.attributes()["value_micros"]
                assert isinstance(value, int)
                totals[name][one.event.fact.effective_day] += value
    assert totals["arcep_ftth_departements"] == totals["arcep_ftth_region"]
    assert set(totals["arcep_ftth_region"]) == {
        date(2017, 9, 30),
        date(2017, 12, 31),
        date(2018, 3, 31),
    }


TECHNOLOGIES = """\
code_insee;nom_com;code_dep;code_reg;nbr;type;elig_ftth;elig_coax;elig_cu;elig_sat;date
75056;Paris;75;11;100;all;96;70;99;100;2020-09-30
77288;Melun;77;11;50;all;30;0;50;50;2020-09-30
77001;Achères-la-Forêt;77;11;20;all;5;0;20;20;2020-09-30
77001;Achères-la-Forêt;77;11;4;pro;1;0;4;4;2020-09-30
29019;Brest;29;53;90;all;80;80;90;90;2020-09-30
"""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("arcep_techno_departements", {"D75": 96, "D77": 35}),
        ("arcep_techno_region", {"R11": 131}),
    ],
)
def test_fibre_is_added_up_from_a_later_edition_too(
    tmp_path: Path, name: str, expected: dict[str, int]
) -> None:
    found = stated(tmp_path, load_mapping(name), TECHNOLOGIES)
    assert {one["territory"]: one["value"] for one in found} == expected
    assert {(one["indicator"], one["observed_on"]) for one in found} == {
        ("ARCEP-FTTH-RACCORDABLES", "2020-09-30")
    }
