"""The declaration of a new producer, from answers of every kind."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from events.identifiers import is_blank
from events.producers.loader import load_producers
from events.producers.tokens import Scheme, issue
from operations.declaring.answers import QUESTIONS, AnswerRefusedError, Answers
from operations.declaring.files import NewFiles, ProducerFiles

QUOTA = {"events_per_second": 1, "burst": 1}
ANSWERS = {
    "id": "navette",
    "title": "Navette",
    "contact": "Pôle lycées",
    "sources": "urn:iledefrance:navette",
    "types": "school.*",
    "owns": "all",
    "expected_every": "monthly",
}
IDS = st.from_regex(r"[a-z][a-z0-9-]{0,39}", fullmatch=True)
LABELS = st.text(min_size=1, max_size=200).map(str.strip).filter(lambda one: not is_blank(one))


def answered(**other: str) -> Answers:
    """Return the answers to all questions."""
    answers = Answers([], QUOTA)
    for question in QUESTIONS:
        answers.take(question, (ANSWERS | other)[question.field])
    return answers


@given(producer=IDS.filter(lambda one: one != "unknown"), title=LABELS, contact=LABELS)
@example(producer="a", title="one\x85line", contact="0")
def test_what_is_answered_is_what_is_declared(producer: str, title: str, contact: str) -> None:
    """Whatever YAML would make of the text: `no`, `1:30`, `null`, quotes, colons."""
    answers = answered(id=producer, title=title, contact=contact)
    with TemporaryDirectory() as folder:
        files = ProducerFiles(Path(folder) / "producers.yaml", Path(folder) / "secrets.yaml")
        new = NewFiles(Path(folder) / "secret", Path(folder) / "event")
        files.add(answers.declaration, issue(producer, Scheme.BEARER), {}, new)
        read = load_producers(files.declaration)

    assert read == answers.producers


@given(text=st.text(max_size=60).filter(lambda one: one.strip() not in ("", "all", "none")))
def test_an_id_is_taken_as_the_loader_takes_it(text: str) -> None:
    """Nothing but what a token can name; every other text is refused by its option."""
    answers = Answers([], QUOTA)
    refused = ""
    try:
        answers.take(QUESTIONS[0], text)
    except AnswerRefusedError as error:
        refused = str(error)

    valid = re.fullmatch(r"[a-z][a-z0-9-]{0,39}", text.strip()) and text.strip() != "unknown"
    assert refused.startswith("--id: ") is not bool(valid)
    assert answers.known == ({"id": text.strip()} if valid else {})


@pytest.mark.parametrize(
    ("text", "owned"),
    [
        ("all", ("school.closed",)),
        ("none", ()),
        ("D77 D93", ("school.closed (D77, D93)",)),
        ("0770918E,D93", ("school.closed (D93)", "school.closed (0770918E)")),
    ],
)
def test_what_is_owned_is_said_in_a_word(text: str, owned: tuple[str, ...]) -> None:
    """All, nothing, territories, or identifiers."""
    shares = answered(types="school.closed", owns=text).producer.owns
    named = [
        (share.types[0], [*(one.value for one in share.territories), *share.entities])
        for share in shares
    ]
    assert tuple(f"{fact} ({', '.join(ones)})" if ones else fact for fact, ones in named) == owned


def test_what_another_producer_sends_without_owner_is_not_taken_from_it() -> None:
    """Its own entry would be wrong from then on: it is named, and the answer is refused."""
    other = answered(id="other", sources="urn:x:other", owns="none").declaration
    answers = Answers([other], QUOTA)
    for question in QUESTIONS[:-2]:
        answers.take(question, ANSWERS[question.field])

    with pytest.raises(AnswerRefusedError, match=r"producers\[other\].types: is owned by other"):
        answers.take(QUESTIONS[-2], "all")
    answers.take(QUESTIONS[-2], "none")


@pytest.mark.parametrize(
    ("types", "asked"),
    [
        (["school.*"], "all, none, territories (D77), or identifiers (uai, as 0750419Y; "),
        (["coworking.*"], "all, none, or identifiers (site_id, as site-041; "),
        (["coworking.*", "school.*"], "none, or identifiers (site_id, as site-041 or uai, as "),
    ],
)
def test_territories_are_offered_where_an_identifier_has_one(types: list[str], asked: str) -> None:
    """Of other facts, identifiers alone, with an example."""
    answers = Answers([], QUOTA, {"types": types})

    assert asked in answers.text(next(one for one in QUESTIONS if one.field == "owns"))


@pytest.mark.parametrize(
    ("types", "owns", "said"),
    [
        ("coworking.*", "77", "--owns: is no site_id, value '77': write one as site-041"),
        ("coworking.*", "D77", "cannot be derived from the identifier of coworking"),
        ("coworking.*", "d77", "--owns: is no site_id, value 'd77'"),
        ("school.*", "77", "as 0750419Y, or a territory as D77"),
        ("school.*", "0770918A", "--owns: is no uai, value '0770918A'"),
        ("broadband.*", "Melun", "--owns: is no insee, value 'Melun'"),
        ("indicator.observed", "IND-042", "write one as IND-042/D75, or a territory as D77"),
    ],
)
def test_what_is_no_entity_is_not_owned(types: str, owns: str, said: str) -> None:
    """A territory written in another way is no identifier, nor is what no event can have."""
    with pytest.raises(AnswerRefusedError, match=re.escape(said)):
        answered(types=types, owns=owns)


@pytest.mark.parametrize(
    ("types", "owns"),
    [
        ("coworking.*", "site-0042 site-77-*"),
        ("indicator.observed", "ARCEP-* IND-042/D77"),
        ("school.*", "077* 0750419Y"),
    ],
)
def test_entities_are_owned(types: str, owns: str) -> None:
    """By identifier, or by a pattern that some will fit."""
    (share,) = answered(types=types, owns=owns).producer.owns

    assert list(share.entities) == owns.split()
