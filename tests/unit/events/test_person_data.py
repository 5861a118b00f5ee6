"""What looks like a person's data, and what does not."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from events import person_data
from events.fact import JSON
from events.person_data import find_person_data
from events.registry import FACTS
from simulation.emitter import RecordKind
from simulation.simulator import simulate
from tests.support.costs import TIMES_LARGER, grows_linearly

EXAMPLES: dict[str, list[str]] = yaml.safe_load(
    (Path(__file__).parents[2] / "corpus" / "person_data.yaml").read_text(encoding="utf-8")
)
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


@pytest.mark.parametrize("name", EXAMPLES["names"])
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


@pytest.mark.parametrize("text", EXAMPLES["personal"])
def test_a_value_of_a_persons_data_is_found(text: str) -> None:
    for value in (text, f"({text})", {"deep": [[text]]}):
        assert find_person_data(event({"uai": value})) is not None, value
    found = find_person_data(event({text: 1}))
    assert found is not None
    assert text not in found


@pytest.mark.parametrize(
    "value",
    [*EXAMPLES["harmless"], 612345678, 10**13, 10**20, 3.14, True, None, [], {}],
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


@given(text=st.text(st.characters(max_codepoint=0x24F), max_size=40))
def test_ordinary_text_reads_as_when_it_is_composed(text: str) -> None:
    composed = unicodedata.normalize("NFKC", text)
    decomposed = unicodedata.normalize("NFD", text)
    assert person_data._plain(composed) == person_data._plain(decomposed)
    assert find_person_data(composed) == find_person_data(decomposed) == find_person_data(text)


TEXTS = (
    st.sampled_from(["0750419Y", "Lycée", "2019-03-10", "a 1"])
    | st.sampled_from([*EXAMPLES["personal"], *EXAMPLES["harmless"]])
    | st.text(st.sampled_from("0123 +-.@aF/\n\\%&([<"), max_size=20)
    | st.sampled_from(["Mme AROBASE Dupont", "nee AROBASE 1990", "(1)"])
)


@example(attributes={"source": "/x(1)"}, data={"name": "Mme AROBASE Dupont"})
@example(attributes={"source": "mailto:jean@example.fr"}, data={})
@given(
    attributes=st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("id", "subject", "source", "time"), TEXTS)
    ),
    data=st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("uai", "name", "kind", "commune"), TEXTS)
    ),
)
def test_one_search_of_an_event_s_texts_finds_what_a_search_of_each_does(
    attributes: dict[str, str], data: dict[str, str]
) -> None:
    content = event(data, **attributes)
    found = find_person_data(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(person_data, "_is_harmless_event", lambda *_: False)

        assert find_person_data(content) == found


@pytest.mark.slow
def test_the_regions_own_systems_send_no_persons_data() -> None:
    found = {
        record.line
        for index, record in enumerate(simulate(20160101))
        if index % 7 == 0
        and record.kind is not RecordKind.INVALID
        and find_person_data(json.loads(record.line))
    }
    assert found == set()
