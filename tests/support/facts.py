"""Facts, events and broken records of every kind, drawn by Hypothesis."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final

from hypothesis import strategies as st

from events.cloudevent import CONTENT_TYPE, PREFIX, CloudEvent, EncodedRecord, encode_structured
from events.fact import Fact, Family
from events.identifiers import (
    FIRST_DAY,
    Department,
    is_blank,
    uai_check_letter,
    uai_department,
)
from events.observation import Territory
from events.registry import FACTS, facts_of
from events.workstation import LONGEST_PERIOD_DAYS, WorkstationAudience

LAST_DAY: Final = date(2035, 12, 31)
CONTROL_CHARACTERS: Final = ("Cc", "Cs")

days = st.dates(FIRST_DAY, LAST_DAY)
departments = st.sampled_from(Department)
entity_ids = st.from_regex(r"[A-Za-z0-9._:-]{1,64}", fullmatch=True)
labels = st.text(min_size=1, max_size=200).filter(
    # Rust's regular expressions and Python do not agree on every blank character.
    lambda text: any(one.isalnum() and not is_blank(one) for one in text)
)
DIRECTIONS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
catalogue_ids = st.from_regex(r"[a-z][a-z0-9_]{0,62}", fullmatch=True)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)


@st.composite
def uais(draw: st.DrawFn) -> str:
    digits = f"0{draw(departments).value}{draw(st.integers(0, 9999)):04}"
    return digits + uai_check_letter(digits)


@st.composite
def communes(draw: st.DrawFn, department: Department | None = None) -> str:
    where = department or draw(departments)
    return f"{where.value}{draw(st.integers(0, 999)):03}"


@st.composite
def sirets(draw: st.DrawFn) -> str:
    return with_check_digit("".join(str(draw(st.integers(0, 9))) for _ in range(13)))


def with_check_digit(first: str) -> str:
    """Return the SIRET that begins with 13 digits: its last digit is Luhn's."""
    digits = [int(digit) for digit in first]
    total = sum(digits[1::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[0::2])
    return f"{first}{-total % 10}"


def plain_texts(longest: int) -> st.SearchStrategy[str]:
    """Draw plain texts: no control character, and none that changes the direction of reading."""
    characters = st.characters(exclude_categories=CONTROL_CHARACTERS, exclude_characters=DIRECTIONS)
    texts = st.text(characters, min_size=1, max_size=longest)
    return texts.filter(lambda text: any(one.isalnum() and not is_blank(one) for one in text))


# Those whose values their type alone does not say, as the shape of a text.
FIELDS: Final[dict[str, st.SearchStrategy[Any]]] = {
    "author_role": plain_texts(100),
    "commune": communes(),
    "dataset_id": entity_ids,
    "delivery_id": entity_ids,
    "enrolment_id": st.from_regex(r"[a-z0-9-]{16,64}", fullmatch=True),
    "grant_id": entity_ids,
    "indicator": st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True),
    "insee": communes(),
    "milestone": catalogue_ids,
    "name": labels,
    "occupied_hours": st.dictionaries(st.sampled_from(WorkstationAudience), st.integers(0, 10**8)),
    "period_start": days,
    "position": st.just("") | st.from_regex(r"4[89]\.[0-9]{1,6},[1-3]\.[0-9]{1,6}", fullmatch=True),
    "publisher": labels,
    "siret": sirets(),
    "site_id": entity_ids,
    "text": plain_texts(2000),
    "title": labels,
    "uai": uais(),
    "value": st.decimals(-(10**9), 10**9, places=6),
}


@st.composite
def facts(draw: st.DrawFn, family: Family | None = None) -> Fact:
    kind = draw(st.sampled_from(facts_of(family) if family else tuple(FACTS.values())))
    drawn = {name: draw(_field(kind, name)) for name in kind.model_fields}
    # Fields that must agree with each other.
    if kind.FAMILY is Family.EQUIPMENT:
        drawn["department"] = uai_department(drawn["uai"])
    elif kind.FAMILY is Family.BROADBAND:
        drawn["premises"] = max(drawn["premises"], drawn["connectable_premises"])
    elif kind.NAME == "coworking.opened":
        drawn["commune"] = draw(communes(drawn["department"]))
    elif kind.FAMILY is Family.EXPLANATIONS:
        drawn["indicator"] = draw(catalogue_ids)
        drawn["territory"] = draw(st.sampled_from(Territory).filter(lambda one: one != "FRANCE"))
    elif kind.FAMILY is Family.WORKSTATIONS:
        length = timedelta(draw(st.integers(0, LONGEST_PERIOD_DAYS)))
        drawn["period_end"] = drawn["period_start"] + length
        used = sum(drawn["occupied_hours"].values())
        drawn["available_hours"] = max(drawn["available_hours"], used)
    return kind(**drawn)


def _field(kind: type[Fact], name: str) -> st.SearchStrategy[Any]:
    if name == kind.DAY:
        return days
    if name in FIELDS:
        return FIELDS[name]
    field = kind.model_fields[name]
    kind_of_value: Any = Annotated[(field.annotation, name, *field.metadata)]
    return st.from_type(kind_of_value)


@st.composite
def cloud_events(draw: st.DrawFn, family: Family | None = None) -> CloudEvent:
    fact = draw(facts(family))
    eve = datetime.combine(fact.effective_day, datetime.min.time()) - timedelta(days=1)
    return CloudEvent(
        id=draw(
            st.text(st.characters(exclude_categories=CONTROL_CHARACTERS), min_size=1, max_size=256)
        ),
        source=draw(st.from_regex(r"/[a-z0-9/_.~%-]{0,100}", fullmatch=True)),
        time=draw(st.datetimes(eve, datetime(2040, 1, 1), timezones=st.just(UTC))),  # noqa: DTZ001
        fact=fact,
    )


@st.composite
def mutated_records(
    draw: st.DrawFn, family: Family | None = None
) -> tuple[list[tuple[str, bytes]], bytes]:
    """Draw headers and value of a record that was valid before something happened to it."""
    event = draw(cloud_events(family))
    encode = draw(st.sampled_from([encode_structured, encode_binary]))
    record = encode(event)
    happens = draw(st.sampled_from([_mutate_json, _mutate_bytes, _mutate_headers]))
    return happens(draw, record)


def _mutate_json(draw: st.DrawFn, record: EncodedRecord) -> tuple[list[tuple[str, bytes]], bytes]:
    tree = json.loads(record.value)
    for _ in range(draw(st.integers(1, 3))):
        branch = tree
        if isinstance(tree.get("data"), dict) and draw(st.booleans()):
            branch = tree["data"]
        key = draw(st.sampled_from(sorted(branch)) | st.text(max_size=8)) if branch else "data"
        if key in branch and draw(st.booleans()):
            del branch[key]
        else:
            branch[key] = draw(json_values)
    return record.headers, json.dumps(tree).encode()


def _mutate_bytes(draw: st.DrawFn, record: EncodedRecord) -> tuple[list[tuple[str, bytes]], bytes]:
    start = draw(st.integers(0, len(record.value)))
    end = draw(st.integers(start, min(start + 10, len(record.value))))
    inserted = draw(st.binary(max_size=10))
    return record.headers, record.value[:start] + inserted + record.value[end:]


def _mutate_headers(
    draw: st.DrawFn, record: EncodedRecord
) -> tuple[list[tuple[str, bytes]], bytes]:
    headers = list(record.headers)
    index = draw(st.integers(0, len(headers) - 1))
    name, value = headers.pop(index)
    if draw(st.booleans()):
        headers.insert(
            index,
            (draw(st.just(name) | st.text(max_size=12)), draw(st.just(value) | st.binary())),
        )
    return headers, record.value


def encode_binary(event: CloudEvent) -> EncodedRecord:
    """Return the record of an event in binary mode: attributes in headers, the fact as value."""
    whole = json.loads(encode_structured(event).value)
    headers = [
        (PREFIX + name, str(text).encode())
        for name, text in whole.items()
        if name not in ("data", "datacontenttype")
    ]
    return EncodedRecord(
        event.fact.entity_id.encode(),
        event.fact.model_dump_json().encode(),
        [*headers, (CONTENT_TYPE, b"application/json")],
    )
