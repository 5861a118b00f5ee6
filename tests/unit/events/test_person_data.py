"""What looks like a person's data, and what does not."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import person_data
from events.fact import JSON
from events.person_data import find_person_data
from events.registry import FACTS
from simulation.emitter import RecordKind
from simulation.simulator import simulate
from tests.support.costs import TIMES_LARGER, grows_linearly
from tests.support.facts import json_values

REGISTERED = "fr.iledefrance.smartregion.school.registered.v1"


def event(data: Any, event_type: str = REGISTERED, **attributes: JSON) -> JSON:  # noqa: ANN401 - any JSON
    return {
        "specversion": "1.0",
        "id": "a-1",
        "source": "urn:iledefrance:lycees",
        "type": event_type,
        "time": "2019-03-11T09:30:00Z",
        "data": data,
        **attributes,
    }


PSEUDONYM = "k1-9d5ed678fe57bcca610140957afab571"


def nir(number: str) -> str:
    plain = number.replace("2A", "19").replace("2B", "18")
    return f"{number}{97 - int(plain) % 97:02}"


@pytest.mark.parametrize(
    "name",
    [
        "nom",
        "Nom",
        "NOM",
        "nom_famille",
        "nomEleve",
        "eleve-nom",
        "prenom",
        "prénom",
        "PRÉNOMS",
        "prenomEleve",
        "first_name",
        "firstName",
        "lastname",
        "name",
        "studentName",
        "email",
        "e_mail",
        "adresse_mail",
        "adresseCourriel",
        "telephone",
        "téléphone",
        "tel",
        "telPortable",
        "phoneNumber",
        "nir",
        "NIR",
        "numero_securite_sociale",
        "numéroSécuritéSociale",
        "ssn",
        "date_naissance",
        "dateDeNaissance",
        "birth_date",
        "dob",
        "address",
        "contactemail",
        "eleve",
        "élève",
        "idEleve",
        "etudiant",
        "stagiaire",
        "identite",
        "identité",
        "pieceidentite",
        "civilite",
        "student_id",
        "ine",
        "iban",
    ],
)
def test_a_field_named_like_a_persons_data_is_found(name: str) -> None:
    found = find_person_data(event({"uai": "0750419Y", "list": [{"a": 1}, {name: "x"}]}))
    assert found is not None
    assert found.startswith("data.list.1.")


def test_a_contracts_own_fields_may_be_called_so() -> None:
    """A lycée has a name; a grant has none, nor has what lies deeper, nor an unknown event."""
    assert find_person_data(event({"name": "Lycée Jean Moulin"})) is None
    assert find_person_data(event({"deeper": {"name": "Jean Moulin"}})) == "data.deeper.name"
    closed = REGISTERED.replace("registered", "closed")
    assert find_person_data(event({"name": "Jean Moulin"}, closed)) == "data.name"
    assert find_person_data(event({"name": "Jean Moulin"}, "unheard.of")) == "data.name"
    assert find_person_data(event({"a": 1}, name="Jean Moulin")) == "name"


def test_no_contract_is_refused_for_its_own_words() -> None:
    for fact in FACTS.values():
        data = dict.fromkeys(fact.model_fields, "x")
        data |= {"enrolment_id": PSEUDONYM} if "enrolment_id" in data else {}
        assert find_person_data(event(data, fact.TYPE)) is None


@pytest.mark.parametrize(
    "text",
    [
        "jean.moulin@example.fr",
        "Écrire à <jean@lycee-moulin.example.fr>.",
        "mailto:j@a.fr",
        "jean.moulin+lycee@example.travel",
        "jean@exämple.fr",
        "0612345678",
        "06 12 34 56 78",
        "06.12.34.56.78",
        "06-12-34-56-78",
        "06\u00a012\u00a034\u00a056\u00a078",
        "06\u202f12\u202f34\u202f56\u202f78",
        "tél. 01/23/45/67/89 le matin",
        "+33612345678",
        "+33 6 12 34 56 78",
        "0033 6 12 34 56 78",
        "+33 (0)6 12 34 56 78",
        "+262 6 92 12 34 56",
        "".join(chr(0xFF10 + int(digit)) for digit in "0612345678"),  # full-width digits
        nir("1850775056123"),
        nir("2990291056123"),
        nir("185072A056123"),
        nir("185072B056123"),
        "1 85 07 75 056 123 " + nir("1850775056123")[-2:],
        "NIR:" + nir("1850775056123"),
        # Written so that a machine, or a reader, still gets it.
        "jean.moulin%40example.fr",
        "jean%2540example%252Efr",
        "mailto:jean&#64;example.fr",
        "jean&#x40;example&#46;fr",
        "jean&commat;example.fr",
        "jean\\u0040example.fr",
        "jean (at) example.fr",
        "jean[at]example[dot]fr",
        "jean(arobase)example(point)fr",
        "jean\u200b@\u2060example\u00ad.fr",
        "jean\uff20example.fr",
        "jean@example.f\u0301r\u0301",
        "06\u200b12\u200b34\u200b56\u200b78",
        "0\u03016\u030112345678",
        # Telephone numbers as people set their digits apart.
        "06  12  34  56  78",
        "06_12_34_56_78",
        "06\t12\t34\t56\t78",
        "06 - 12 - 34 - 56 - 78",
        "06.12 34.56.78",
        "0612 34 56 78",
        "0612 345 678",
        "06 123 456 78",
        "06\u201312\u201334\u201356\u201378",
        "06\u201112\u201134\u201156\u201178",
        "06\u221212\u221234\u221256\u221278",
        "06\u00b712\u00b734\u00b756\u00b778",
        "(06) 12 34 56 78",
        "00 33 6 12 34 56 78",
        "0033-612-345-678",
        "33612345678",
        "\u0660\u0666\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668",
        # And as addresses of pages, forms, HTML and JSON write them.
        "https://example.fr/?q=06%2012%2034%2056%2078",
        "q=06+12+34+56+78",
        "%30%36%31%32%33%34%35%36%37%38",
        "%2B33612345678",
        "&#48;&#54;12345678",
        "&#x30;612345678",
        "\\u0030612345678",
        "jean@ex%61mple.fr",
        "jean@example\u3002fr",
        "jean.moulin @ example.fr",
        "jean arobase example point fr",
        "jean at example dot fr",
        '"Jean Moulin"@example.fr',
        # Other numbers of persons.
        "1 85 07 75 056 123",
        "2.99.12.2A.056.123",
        "n° 1-85-07-75-056-123.",
        "123456789AB",
        "INE : 1234567890K",
        "1234A56789B",
        "FR7630006000011234567890189",
        "FR76 3000 6000 0112 3456 7890 189",
        "FR14 2004 1010 0505 0001 3M02 606",
        "IBAN DE89 3704 0044 0532 0130 00.",
        "GB29 NWBK 6016 1331 9268 19",
        "NL91ABNA0417164300",
        "fr7630006000011234567890189",
        "fr76 3000 6000 0112 3456 7890 189",
        "FR76.3000.6000.0112.3456.7890.189",
        "30006 00001 12345678901 89",
        "123456789ab",
        "1_85_07_75_056_123",
        "+49 170 1234567",
        "+44 20 7946 0958",
        "+1 (415) 555-2671",
        "tel:+32475123456",
        # Births.
        "né le 12/03/1985",
        "Née le 1er mars 1985",
        "né(e) le : 1985-03-12",
        "date de naissance 12.03.2009",
        "born March 12, 1985",
        "né le 12/03/85",
        "née le 12 mars 85",
        "ne a Paris en 2004",
        "DDN : 12/03/2012",
        # Persons that are named as such, and fields with their values within a text.
        "Mme Moulin",
        "MLLE MOULIN",
        "https://example.fr/?nom=Moulin",
        "prenom=Jean&nom=Moulin",
        '{"nom": "Moulin"}',
        "{'élève': 'Moulin'}",
        "<nom>Moulin</nom>",
        "%3Fnom%3DMoulin",
    ],
)
def test_a_value_of_a_persons_data_is_found(text: str) -> None:
    for value in (text, f"({text})", {"deep": [[text]]}):
        assert find_person_data(event({"uai": value})) is not None, value
    found = find_person_data(event({text: 1}))
    assert found is not None
    assert text not in found


@pytest.mark.parametrize(
    "value",
    [
        "0750419Y",
        "23750007900312",
        "77288",
        "5f0c9a54e1b84d5b",
        "0123456789abcdef",
        "000000000000012c",
        "123456789IO",
        "1234567890I",
        "2024-0000123456789AB",
        "FR7630006000011234567890188",
        "fr7630006000011234567890188",
        "30006 00001 12345678901 88",
        "be27b04e84d1b560",
        "e2566d99-5371-be44-72a8-b47cc0ecb2c1",
        "00-7bb8ee3d0502bccc4c782eae0f1d602d-be60b7fe381a9713-01",
        "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
        "01-02-2019 12:30",
        "0.123456789",
        "-02.3731131",
        "Ce jeu ne couvre pas 2019",
        "Population par lieu de naissance, 2019",
        "Naissances 2019",
        "Base adresse : export 2019",
        "Mobile : couverture en 2019",
        "https://data.example.fr/jeu?name=lycees&page=2",
        "Lycée M. Berthelot",
        "Lycée Madame de Staël",
        "8 rue et places de Paris",
        "FR763000600001123456789018",
        "FRAB12345678901234567890123",
        "+10 000 000 euros",
        "+12.5",
        "2020-03-11T09:30:00+0100",
        "Inventaire au 31/12/2008",
        "Ligne ouverte le 12 mars 1985",
        "1985-03-12",
        "mars 1985",
        "renee 1985",
        "Rue du 8 mai 1945 (au nord)",
        "100% & plus [test] {x}",
        "https://data.example.fr/jeu?page=%2F40",
        "(at)",
        "k1-0612345678901234567890123456789012"[:35],
        PSEUDONYM,
        "3f612345-0612-3456-7890-061234567890",
        "2019-03-11",
        "2019-03-11T09:30:00.061234567Z",
        "urn:iledefrance:lycees",
        "lycees-000612",
        "https://data.example.fr/@region/jeu",
        "@region",
        "a@b",
        "10 000 000",
        "00123456789",
        "1234567890",
        nir("1850775056123")[:-2] + "00",
        nir("1850775056123")[:-2],
        nir("1851375056123"),
        612345678,
        10**13,
        10**20,
        3.14,
        True,
        None,
        "",
        [],
        {},
    ],
)
def test_other_values_are_left_alone(value: JSON) -> None:
    assert find_person_data(event({"uai": value})) is None


@pytest.mark.parametrize(
    "value",
    [
        "1985-03-12",
        "12/03/1985",
        "1/12/2009",
        " 12-03-1985 ",
        "1985-03-12T00:00:00Z",
        nir("1850775056123")[:-2],
        int(nir("1850775056123")[:-2]),
        "285072A056123",
    ],
)
def test_a_field_that_nobody_knows_may_be_a_birth_or_a_number(value: JSON) -> None:
    assert find_person_data(event({"since": value})) == "data.since"
    assert find_person_data(event({"deeper": [{"uai": value}]})) == "data.deeper.0.uai"
    assert find_person_data(event({"uai": value})) is None


@pytest.mark.parametrize("name", ["id", "subject", "note"])
@pytest.mark.parametrize(
    "text",
    [
        "1985-03-12",
        "moulin-jean-1985-03-12",
        "12/03/1985",
        "M. Moulin",
        "Monsieur Moulin",
        "Nom : Moulin",
        "12 rue de la Paix",
        "3 bis, avenue Foch",
        '{"client": "Moulin"}',
        "<client>Moulin</client>",
    ],
)
def test_what_names_an_event_names_no_person(name: str, text: str) -> None:
    assert find_person_data(event({}, **{name: text})) == name


def test_an_identifier_and_an_extension_have_no_words() -> None:
    """A subject may have some, but not of an event about a person."""
    words = "vu avec la mère de Léa"
    for attribute in ({"id": words}, {"note": words}, {"note": "Moulin, Jean"}):
        assert find_person_data(event({}, **attribute)) == next(iter(attribute))
    assert find_person_data(event({}, subject="Lycée Jean Moulin")) is None
    enrolled = "fr.iledefrance.smartregion.training.enrolled.v1"
    assert find_person_data(event({}, enrolled, subject="Jean Moulin")) == "subject"
    assert find_person_data(event({}, enrolled, subject="site-041")) is None


def test_an_extension_may_be_a_time_in_milliseconds() -> None:
    """One in nine of them could be 13 digits of a NIR; no extension is a day before all facts."""
    assert find_person_data(event({}, sentat=1850775056123)) is None
    assert find_person_data(event({}, sentat="1850775056123")) is None
    assert find_person_data(event({}, since="1985-03-12")) == "since"


@pytest.mark.parametrize("kind", [*FACTS, "unheard.of", None])
def test_an_enrolment_has_a_pseudonym_as_it_is_made_here(kind: str) -> None:
    assert find_person_data(event({"enrolment_id": PSEUDONYM}, kind)) is None
    assert find_person_data(event({"enrolment_id": None}, kind)) is None
    for other in (
        "jean-moulin-1985-03",
        "5f0c9a54e1b84d5b",
        "Jean Moulin",
        PSEUDONYM.upper(),
        PSEUDONYM[:-1],
        PSEUDONYM + "0",
        "k1-" + "g" * 32,
        "key-number-1-" + "0" * 32,
        "",
        4711,
    ):
        assert find_person_data(event({"enrolment_id": other}, kind)) == "data.enrolment_id"


def test_a_number_can_be_a_nir() -> None:
    number = int(nir("1850775056123"))
    for value in (number, -number, float(number)):
        assert find_person_data(event({"uai": value})) == "data.uai"


def test_no_number_is_too_large() -> None:
    assert find_person_data(event({"uai": 10**5000})) is None


def test_what_is_no_event_is_looked_through_as_well() -> None:
    assert find_person_data("jean@example.fr") == "value"
    assert find_person_data([{"a": "jean@example.fr"}]) == "0.a"
    assert find_person_data({"subject": "jean@example.fr"}) == "subject"


@given(content=json_values)
def test_any_json_gets_an_answer(content: Any) -> None:  # noqa: ANN401 - any JSON
    found = find_person_data(content)
    assert found is None or isinstance(found, str)


@given(depth=st.integers(1, 3000))
def test_depth_does_not_matter(depth: int) -> None:
    content: JSON = "jean@example.fr"
    for _ in range(depth):
        content = [content]
    assert find_person_data(content) is not None


@pytest.mark.parametrize(
    "unit",
    [
        *("@", "a@", "0", "0 1", "1.1@1-", "\u0315\u0301", "e\u0301", "\ufdfa", "\u200b", "字"),
        *("a", "aa ", "aa  ", "a_", "nom", "&#0", "&a", "%25", "\\u0030", "ne ", "1 rue ", "fr76"),
    ],
)
def test_the_cost_of_a_text_is_linear(unit: str) -> None:
    def text(size: int) -> JSON:
        return event({"uai": unit * (size // len(unit))})

    assert grows_linearly(find_person_data, text(16_000), text(16_000 * TIMES_LARGER))


@given(text=st.text())
def test_a_text_without_its_dress_is_its_compatible_one(text: str) -> None:
    whole = "".join(map(person_data._plain_sign, unicodedata.normalize("NFKD", text)))
    assert person_data._plain(text) == whole or text.isascii()


@given(text=st.text(st.characters(max_codepoint=0x24F), max_size=40))
def test_ordinary_text_reads_as_when_it_is_composed(text: str) -> None:
    composed = unicodedata.normalize("NFKC", text)
    decomposed = unicodedata.normalize("NFD", text)
    assert person_data._plain(composed) == person_data._plain(decomposed)
    assert find_person_data(composed) == find_person_data(decomposed) == find_person_data(text)


def test_the_regions_own_systems_send_no_persons_data() -> None:
    found = {
        record.line
        for index, record in enumerate(simulate(20160101))
        if index % 7 == 0
        and record.kind is not RecordKind.INVALID
        and find_person_data(json.loads(record.line))
    }
    assert found == set()


@given(
    st.recursive(
        json_values
        | st.sampled_from(["a@b.fr", "0612345678", "06 12 34 56 78", 269054958815780, "2", "a\nb"])
        | st.sampled_from(["1985-03-12", "12/3/1985", 1850775056123, "1850775056123", PSEUDONYM])
        | st.sampled_from(["Jean Moulin", "M. Jean", "1 rue X", '{"a"', "nom=x", "&#48;", "a, bc"])
        | st.sampled_from(["a (at)", "b.fr", "FR76 3000 6000 0112 3456 7890 189", "né le", "1985"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["data", "id", "type", "subject", "uai", "name", "email", "x", "enrolment_id"]
                ),
                inner,
            )
        ),
        max_leaves=8,
    )
)
def test_the_quick_look_finds_all_that_the_thorough_one_finds(content: JSON) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(person_data, "_is_plain", lambda _: False)
        thorough = find_person_data(content)

    assert find_person_data(content) == thorough
