"""Lines of CSV files by a mapping: `mapped.txt` has what each becomes, as somebody has read it."""

import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from boundary.errors import SmartRegionError
from sources.importing.event_building import Finding, FoundEvent, SkippedLine
from sources.importing.mapped import MappedReader
from sources.importing.mapping import CsvMapping, load_mapping
from sources.importing.table import open_table
from tests.support.golden import check_golden
from tests.support.tables import RECORDED, write_file

GOLDEN = Path(__file__).with_name("mapped.txt")


def mapping(fact: str, fields: Mapping[str, object], **more: Any) -> CsvMapping:
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
REGISTERED: dict[str, Any] = {
    "uai": "uai",
    "registered_on": {"constant": "2016-01-01"},
    "name": "nom",
    "kind": {"constant": "vocational"},
    "commune": "commune",
}
PAID: dict[str, Any] = {
    "grant_id": "id",
    "paid_on": "date",
    "call": {"constant": "shared_workplaces"},
    "siret": "siret",
    "amount_cents": {"column": "montant", "as": "euros"},
    "department": {"constant": "75"},
}
KEY = mapping(
    "equipment.delivered",
    DELIVERED
    | {"kind": {"column": "quoi", "values": {"Tablette": "tablet", "Clé d\u2019accès": "laptop"}}},
)
TOTAL = {**USAGE, "available_hours": {"total": "offre", "of_each": "poste"}}
TECHNOLOGIES = """\
code_insee;nom_com;code_dep;code_reg;nbr;type;elig_ftth;elig_coax;elig_cu;elig_sat;date
75056;Paris;75;11;100;all;96;70;99;100;2020-09-30
77288;Melun;77;11;50;all;30;0;50;50;2020-09-30
77001;Achères-la-Forêt;77;11;20;all;5;0;20;20;2020-09-30
77001;Achères-la-Forêt;77;11;4;pro;1;0;4;4;2020-09-30
29019;Brest;29;53;90;all;80;80;90;90;2020-09-30
"""


def only(*patterns: str) -> CsvMapping:
    """Take the lines of some states: what is left out by mistake is left out without a word."""
    return mapping("school.connected", CONNECTED, only={"état": [*patterns]})


def in_states(*states: str) -> str:
    days = enumerate(states, 1)
    lines = (f"0750419Y;2018-09-{day:02};1000;{state}" for day, state in days)
    return "\n".join(("uai;date;debit;état", *lines))


CASES: dict[str, tuple[CsvMapping, str]] = {
    "fields by their usual conversion, or wrong by their column": (
        mapping("school.connected", CONNECTED),
        (
            "uai;date;debit\n0750419Y;01/09/2018;1 000,0\n0750419Z;2018-09-01;1\n"
            "0750419Y;9/2018;1\n0750419Y;2018-09-01;0\n0750419Y;;1\n0750419Y;2024-03-05;1\n0750419Z;x;y\n"
        ),
    ),
    "an optional field that cannot be read": (
        mapping("school.connected", {**CONNECTED, "retracted": "annulé"}),
        "uai;date;debit;annulé\n0750419Y;2018-09-01;1000;x\n",
    ),
    "constants, templates, words and defaults": (
        mapping("equipment.delivered", DELIVERED),
        (
            "uai;lot;quoi;nombre;complet\n0750419Y;7;pc de l'élève;;oui\n0750419Y;;Tablette;;oui\n"
            "0750419Y;n° 7;Tablette;;oui\n0750419Y;{uai};Tablette;;oui\n0750419Y;7;écran;;oui\n"
        ),
    ),
    "a word in another form": (
        KEY,
        "uai;lot;quoi;nombre;complet\n0750419Y;7;cle\u0301\u00a0D'ACCÈS;2;non\n",
    ),
    "several numbers": (
        mapping("workstation.usage_reported", USAGE),
        (
            "site;du;au;offre;entreprises;salaries\ns-1;01/03/2019;31/03/2019;900;300;20\n"
            "s-1;01/03/2019;31/03/2019;900;300;-20\ns-1;01/03/2019;31/03/2019;30;20;20\n"
        ),
    ),
    "a total beside several numbers": (
        mapping("workstation.usage_reported", TOTAL),
        (
            "site;du;au;offre;poste;entreprises;salaries\ns-1;01/03/2019;31/03/2019;100;a;30;20\n"
            "s-1;01/03/2019;31/03/2019;50;b;30;20\ns-2;01/03/2019;31/03/2019;70;a;30;20\n"
        ),
    ),
    "euros": (
        mapping("grant.paid", PAID),
        (
            "id;date;siret;montant\ng-1;2019-01-01;23750007900312;1 234,56\n"
            "g-1;2019-01-01;23750007900312;0,001\n"
        ),
    ),
    "persons, whose data are never repeated": (
        mapping("training.enrolled", ENROLLED),
        "stagiaire;date;dep\nJEAN DUPONT;2019-01-01;75\nJEAN DUPONT;hier;75\n",
    ),
    "a person in the place of a pseudonym": (
        mapping("training.enrolled", {**ENROLLED, "enrolment_id": "stagiaire"}),
        "stagiaire;date;dep\nJEAN DUPONT;2019-01-01;75\n",
    ),
    "a person's data by mistake": (
        mapping("school.registered", REGISTERED),
        (
            "uai;nom;commune\n0750419Y;Lycée Monod, jean.dupont@example.org;75118\n"
            f"06 12 34 56 78;Monod;75118\n0750419Y;{'x' * 201};75118\n"
        ),
    ),
    "a position, where its columns have one": (
        mapping("school.registered", {**REGISTERED, "position": {"template": "{lat},{lon}"}}),
        (
            "uai;nom;commune;lat;lon\n0750419Y;Monod;75118;48.899891;2.368536\n"
            "0750419Y;Monod;75118;;\n0750419Y;Monod;75118;48.9;\n0750419Y;Monod;75118;2.3;48.9\n"
        ),
    ),
    "lines of some départements": (
        mapping("school.connected", CONNECTED, only={"dep": ["7*", "95"]}),
        "uai;date;debit;dep\n0750419Y;2018-09-01;1;75\n?;?;?;33\n",
    ),
    "states in each form of accents": (
        only("réalisé*", unicodedata.normalize("NFD", "arrêté")),
        in_states(unicodedata.normalize("NFD", "réalisé"), "arrêté", "autre"),
    ),
    "states in each form of spaces and apostrophes": (
        only("mis en service*", "mis\u202fen  train", "lycée d'enseignement", "d\u2019été*"),
        in_states("mis en\u00a0service", "mis en train", "lycée d\u2019enseignement", "d'été 2019"),
    ),
    "states with signs, of which only the asterisk is one of patterns": (
        only("livré [lot 3]", "livré ?", "livré]"),
        in_states("livré [lot 3]", "livré ?", "livré]", "livré x", "livré 3"),
    ),
    "totals": (
        mapping("indicator.observed", PREMISES),
        (
            "commune;trimestre;locaux\n77001;T3 2017;10\n77002;T3 2017;5\n95001;T3 2017;7\n"
            "77001;T4 2017;11\n"
        ),
    ),
    "a line that is counted twice, which spoils all totals": (
        mapping("indicator.observed", PREMISES),
        "commune;trimestre;locaux\n77001;T3 2017;10\n95001;T3 2017;7\n77001;T3 2017;10\n",
    ),
    "fibre by département": (load_mapping("arcep_techno_departements"), TECHNOLOGIES),
    "fibre of the region": (load_mapping("arcep_techno_region"), TECHNOLOGIES),
}


def shown(finding: Finding) -> str:
    if isinstance(finding, FoundEvent):
        fact = finding.event.fact
        return f"{finding.line}: {fact.NAME} {fact.model_dump_json()}"
    if isinstance(finding, SkippedLine):
        return f"{finding.line}: {finding.why}"
    return str(finding).removeprefix(f"{finding.file}:")


def texts(folder: Path) -> Iterator[str]:
    for name, (declared, text) in CASES.items():
        reader = MappedReader(declared, pseudonymise=lambda one: f"k1-{sum(one.encode()):032x}")
        table = open_table(write_file(folder, text), reader.layout)
        yield "\n".join((f"# {name}", *map(shown, reader.read(table, RECORDED)), ""))


def test_each_line_becomes_what_its_mapping_says(tmp_path: Path) -> None:
    text = "\n".join(texts(tmp_path))
    check_golden(GOLDEN, text)
    for personal in ("DUPONT", "dupont", "06 12"):
        assert personal not in text


def test_a_mapping_with_persons_needs_a_key() -> None:
    with pytest.raises(SmartRegionError, match="--pseudonym-key"):
        MappedReader(mapping("training.enrolled", ENROLLED))
