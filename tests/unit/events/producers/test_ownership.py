"""Whose word counts of which fact and entity, and declarations that do not say it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from events.declaration import InvalidDeclarationError
from events.errors import ContractError, RefusalReason
from events.producers.model import Producers, load_producers
from events.producers.ownership import ERASURE, UNOWNED, OwnershipClaim, shared_claims
from events.registry import FACTS_BY_NAME
from tests.support.histories import event, uai
from tests.support.producers import producer

PARIS = uai("0750001")
MELUN = uai("0770001")
OBSERVED = ("indicator.observed",)

LYCEES = producer("lycees", "urn:idf:lycees", owns=["school.*"])
OTHER_PRODUCER = producer(
    "formation", "urn:idf:formation", types=("training.*",), owns=["training.*"]
)
SHARED = Producers(
    producers=(
        producer("pilote", "urn:idf:pilote", types=OBSERVED, owns=OBSERVED),
        producer(
            "arcep",
            "urn:idf:arcep",
            types=OBSERVED,
            owns=[{"types": OBSERVED, "entities": ["ARCEP-*", "IND-7/R11"]}],
        ),
    )
)
BY_TERRITORY = Producers(
    producers=(
        producer(
            "est",
            "/est",
            types=("school.*", "broadband.*"),
            owns=[{"types": ["school.*", "broadband.*"], "territories": ["D77", "D93"]}],
        ),
        producer("nord", "/nord", owns=[{"types": ["school.*"], "territories": ["D95"]}]),
    )
)


def takes(declared: Producers, source: str, entity: str, fact: str = "school.connected") -> bool:
    return declared.ownership.accepts(fact, entity, source, retracted=False)


@pytest.mark.parametrize(
    ("source", "taken"),
    [
        ("urn:idf:lycees", True),
        ("urn:idf:lycees:nord", True),
        ("urn:idf:lycees-prives", False),
        ("urn:idf:formation", False),
        ("/nobody", False),
        (ERASURE, False),
    ],
)
def test_an_owned_fact_is_taken_from_its_owner_alone(source: str, *, taken: bool) -> None:
    declared = Producers(producers=(LYCEES, OTHER_PRODUCER))
    assert takes(declared, source, PARIS) is taken


def test_a_fact_that_nobody_owns_is_anybodys() -> None:
    declared = Producers(producers=(LYCEES,))
    assert takes(declared, "/nobody", "D-1", "equipment.delivered")
    assert UNOWNED.accepts("school.connected", PARIS, "/nobody", retracted=True)
    assert not UNOWNED


@pytest.mark.parametrize(
    ("entity", "owner"),
    [
        ("ARCEP-FTTH/D77", "arcep"),
        ("ARCEP/D77", "pilote"),
        ("IND-7/R11", "arcep"),
        ("IND-7/D77", "pilote"),
        ("IND-77/R11", "pilote"),
    ],
)
def test_named_entities_are_their_owners_and_the_rest_the_other_ones(
    entity: str, owner: str
) -> None:
    assert SHARED.ownership.owner(*OBSERVED, entity) == owner
    for one in SHARED:
        assert takes(SHARED, one.sources[0], entity, *OBSERVED) is (one.id == owner)


@pytest.mark.parametrize(
    ("fact", "entity", "owner"),
    [
        ("school.connected", MELUN, "est"),
        ("school.registered", uai("0950001"), "nord"),
        ("school.connected", PARIS, None),
        ("broadband.coverage_reported", "77288", "est"),
        ("broadband.coverage_reported", "75077", None),
    ],
)
def test_the_identifier_determines_the_territory(fact: str, entity: str, owner: str | None) -> None:
    assert BY_TERRITORY.ownership.owner(fact, entity) == owner
    assert [
        one.id for one in BY_TERRITORY if takes(BY_TERRITORY, one.sources[0], entity, fact)
    ] == ([owner] if owner else [])


def test_an_erasure_takes_back_what_anybody_owns() -> None:
    declared = Producers(producers=(LYCEES, OTHER_PRODUCER))
    assert not declared.ownership.accepts("school.connected", PARIS, ERASURE, retracted=True)
    for retracted in (True, False):
        assert (
            declared.ownership.accepts("training.enrolled", "p-1", ERASURE, retracted=retracted)
            is retracted
        )


def test_the_refusal_names_neither_the_owner_nor_the_entity() -> None:
    """It is answered to who is not the owner; an entity may be a person."""
    declared = Producers(producers=(LYCEES, OTHER_PRODUCER))
    foreign = event("school.connected", PARIS, "2018-01-01", source="urn:idf:formation")
    with pytest.raises(ContractError) as refused:
        declared.ownership.judge(foreign)
    assert (refused.value.reason, refused.value.field) == (RefusalReason.NOT_OWNER, "source")
    assert "school.connected" in str(refused.value)
    assert not re.search(rf"lycees|{PARIS}", str(refused.value))


def test_every_fact_of_the_region_has_its_owner() -> None:
    assert load_producers().unowned == ()
    assert all(map(load_producers().ownership.owns, FACTS_BY_NAME))


patterns = st.from_regex(r"[ab/]{0,3}\*?[ab/]{0,3}\*?[ab/]{0,2}", fullmatch=True).filter(
    lambda text: text.strip("*") != ""
)


@given(one=patterns, other=patterns, entity=st.text("ab/", max_size=8))
def test_shares_that_are_let_be_have_no_entity_in_common(one: str, other: str, entity: str) -> None:
    def named(pattern: str) -> bool:
        text = ".*".join(map(re.escape, pattern.split("*")))
        return re.fullmatch(text, entity) is not None

    claims = [
        OwnershipClaim("f", pattern, pattern + str(n), ()) for n, pattern in enumerate((one, other))
    ]
    if named(one) and named(other):
        assert len(list(shared_claims(claims))) == 1


FILE = """\
producers:
  - id: lycees
    title: Lycées
    contact: somebody
    sources: ["/lycees"]
    types: [school.*, indicator.observed]
    owns: [{}]
    quota: {{ events_per_second: 1, burst: 1 }}
    expected_every: weekly
  - id: other
    title: Autre
    contact: somebody
    sources: ["{}"]
    types: [school.*, indicator.observed]
    owns:
      - {}
    quota: {{ events_per_second: 1, burst: 1 }}
    expected_every: weekly
"""
TOO_MANY = (
    "school.*, indicator.observed",
    "/other",
    f"{{ types: [school.closed], entities: [{', '.join(f'a{n}*' for n in range(300))}] }}",
    "16: producers[other].owns[0]: is one of more than 200 patterns of school.closed",
)
OPEN: list[dict[str, str]] = yaml.safe_load(
    (Path(__file__).parents[3] / "corpus" / "ownership.yaml").read_text(encoding="utf-8")
)
ALL = '{ types: [school.*, indicator.observed], entities: ["0*"] }'


@pytest.mark.parametrize(
    ("owns", "source", "others", "expected"),
    [*(tuple(case.values()) for case in OPEN), TOO_MANY],
)
def test_a_declaration_that_leaves_the_owner_open_is_refused(
    tmp_path: Path, owns: str, source: str, others: str, expected: str
) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(FILE.format(owns, source, others), encoding="utf-8")
    with pytest.raises(InvalidDeclarationError) as refused:
        load_producers(file)
    assert any(line.startswith(f"{file}:{expected}") for line in str(refused.value).splitlines()), (
        refused.value
    )


def test_named_entities_beside_the_rest_are_a_declaration(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(FILE.format("school.*, indicator.observed", "/other", ALL), encoding="utf-8")
    declared = load_producers(file)
    ownership = declared.ownership
    assert ownership.owner("school.closed", PARIS) == "other"
    assert ownership.owner("school.closed", "1") == "lycees"
    assert declared.unowned == ()
    assert not ownership.owns("training.enrolled")


@pytest.mark.parametrize("fact", FACTS_BY_NAME.values(), ids=lambda fact: fact.NAME)
def test_owning_a_version_is_owning_the_fact(fact: type) -> None:
    """Versions of a fact share their days: another's later version would supersede."""
    declared = Producers(
        producers=(producer("one", "/one", types=(fact.TYPE,), owns=[fact.TYPE]),)  # type: ignore[attr-defined]
    )
    assert declared.ownership.owner(fact.NAME, "any") == "one"  # type: ignore[attr-defined]
