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
from events.simulation import RecordKind, simulate
from tests.support.costs import TIMES_LARGER, grows_linearly
from tests.support.facts import json_values

REGISTERED = "fr.iledefrance.smartregion.school.registered.v1"


def event(data: Any, event_type: str = REGISTERED, **attributes: JSON) -> JSON:  # noqa: ANN401 - any JSON
    """Write an event's JSON."""
    return {
        "specversion": "1.0",
        "id": "a-1",
        "source": "urn:iledefrance:lycees",
        "type": event_type,
        "time": "2019-03-11T09:30:00Z",
        "data": data,
        **attributes,
    }


def nir(number: str) -> str:
    """Close the 13 digits of a NIR with its key."""
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
    ],
)
def test_a_field_named_like_a_persons_data_is_found(name: str) -> None:
    """French or English, in any writing, at any depth."""
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
    """No field of any fact, with any of its coded values, looks like a person's data."""
    for fact in FACTS.values():
        assert find_person_data(event(dict.fromkeys(fact.model_fields, "x"), fact.TYPE)) is None


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
    ],
)
def test_a_value_of_a_persons_data_is_found(text: str) -> None:
    """A mail, a French telephone number, a social security number, within any text."""
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
        "k1-0612345678901234567890123456789012"[:35],
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
    """Identifiers, quantities, days and addresses of pages are nobody's data."""
    assert find_person_data(event({"uai": value})) is None


def test_a_number_can_be_a_nir() -> None:
    """A social security number that lost its quotes is one still."""
    assert find_person_data(event({"uai": int(nir("1850775056123"))})) == "data.uai"


def test_no_number_is_too_large() -> None:
    """Digits without end are looked at as well."""
    assert find_person_data(event({"uai": 10**5000})) is None


def test_what_is_no_event_is_looked_through_as_well() -> None:
    """Text, lists and bare values have a path, too."""
    assert find_person_data("jean@example.fr") == "value"
    assert find_person_data([{"a": "jean@example.fr"}]) == "0.a"
    assert find_person_data({"subject": "jean@example.fr"}) == "subject"


@given(content=json_values)
def test_any_json_gets_an_answer(content: Any) -> None:  # noqa: ANN401 - any JSON
    """Whatever was sent, a path or nothing comes back, and the path holds no value."""
    found = find_person_data(content)
    assert found is None or isinstance(found, str)


@given(depth=st.integers(1, 3000))
def test_depth_does_not_matter(depth: int) -> None:
    """What is nested without end is looked through without recursion."""
    content: JSON = "jean@example.fr"
    for _ in range(depth):
        content = [content]
    assert find_person_data(content) is not None


@pytest.mark.parametrize(
    "unit", ["@", "a@", "0", "0 1", "1.1@1-", "\u0315\u0301", "e\u0301", "\ufdfa", "\u200b", "字"]
)
def test_the_cost_of_a_text_is_linear(unit: str) -> None:
    """Whatever it was made for."""

    def text(size: int) -> JSON:
        return event({"uai": unit * (size // len(unit))})

    assert grows_linearly(find_person_data, text(16_000), text(16_000 * TIMES_LARGER))


@given(text=st.text())
def test_a_text_without_its_dress_is_its_compatible_one(text: str) -> None:
    """Character by character, or as a whole: what the marks' order would be is gone with them."""
    whole = "".join(
        sign
        for sign in unicodedata.normalize("NFKD", text)
        if unicodedata.category(sign) not in ("Mn", "Mc", "Me", "Cf")
    )
    assert person_data._plain(text) == whole or text.isascii()


@given(text=st.text(st.characters(max_codepoint=0x24F), max_size=40))
def test_ordinary_text_reads_as_when_it_is_composed(text: str) -> None:
    """Letters with accents, composed or not, and what the keyboards of Europe write."""
    composed = unicodedata.normalize("NFKC", text)
    decomposed = unicodedata.normalize("NFD", text)
    assert person_data._plain(composed) == person_data._plain(decomposed)
    assert find_person_data(composed) == find_person_data(decomposed) == find_person_data(text)


def test_the_regions_own_systems_send_no_persons_data() -> None:
    """None of the simulated systems' events is refused."""
    found = {
        record.line
        for place, record in enumerate(simulate(20160101))
        if place % 7 == 0
        and record.kind is not RecordKind.INVALID
        and find_person_data(json.loads(record.line))
    }
    assert found == set()


@given(
    st.recursive(
        json_values
        | st.sampled_from(["a@b.fr", "0612345678", "06 12 34 56 78", 269054958815780, "2", "a\nb"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["data", "id", "uai", "name", "email", "x"]), inner)
        ),
        max_leaves=8,
    )
)
def test_the_quick_look_finds_all_that_the_thorough_one_finds(content: JSON) -> None:
    """It may only be wrong in calling for the thorough one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(person_data, "_is_plain", lambda _: False)
        thorough = find_person_data(content)

    assert find_person_data(content) == thorough
