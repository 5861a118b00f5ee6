"""Persons' data sent to a running gateway, in every way in which text gets in: it is kept nowhere.

Each path by which a sender's text could reach Kafka, the log, a metric or an answer is tried. What
must be found nowhere has the name `dupont` in it, and is looked for as it was sent and decoded.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import pytest

from broker.reading import read_topics
from events.dead_letters import GATEWAY, DeadLetter, read_dead_letter
from events.fact import Family
from events.signing import SigningSecret
from events.topics import DEAD_LETTERS, topic_name
from tests.support.gateway import BATCH, PRODUCER, STRUCTURED, event, signed
from tests.support.gateways import Credentials, Gateway
from tests.support.kafka import KafkaBroker
from tests.support.raw_http import Answer, asked, post, request
from tests.support.running_gateway import running_gateway

JSON = "application/json"
MAIL = "jean.dupont@example.org"
ESCAPED = MAIL.replace("@", r"\u0040")
PHONE = "0612345678"
_ESCAPE = re.compile(rb"\\u00([0-9a-fA-F]{2})")


class Target:
    """The gateway, its producer's credentials, and all that it keeps or shows."""

    def __init__(self, gateway: Gateway, credentials: Credentials, bootstrap: str) -> None:
        self.gateway = gateway
        self.credentials = credentials
        self.bootstrap = bootstrap

    def send(self, sent: bytes) -> Answer:
        return asked(self.gateway.port, sent)

    def post(
        self, body: bytes | str, *headers: str, media_type: str = STRUCTURED, path: str = "/events"
    ) -> Answer:
        content = body if isinstance(body, bytes) else body.encode()
        token = f"authorization: Bearer {self.credentials.token}"
        return self.send(post(content, f"content-type: {media_type}", token, *headers, path=path))

    def letters(self) -> list[DeadLetter]:
        return list(map(read_dead_letter, read_topics(self.bootstrap, topics=[DEAD_LETTERS])))

    def kept(self) -> dict[str, bytes]:
        topics = [DEAD_LETTERS, *map(topic_name, Family)]
        on_topics: dict[str, bytes] = {}
        for record in read_topics(self.bootstrap, topics=topics):
            headers = (name.encode() + b": " + (value or b"") for name, value in record.headers)
            text = b"\n".join([record.key or b"", record.value or b"", *headers])
            on_topics[record.topic] = on_topics.get(record.topic, b"") + b"\n" + text
        metrics = self.send(request("GET", "/metrics")).body
        return {**on_topics, "log": self.gateway.log.encode(), "metrics": metrics}

    def disclosing(self) -> list[str]:
        return [where for where, text in self.kept().items() if names_a_person(text)]

    def deliver(self, sent: Sent) -> Answer:
        return self.post(sent.body, *sent.headers, media_type=sent.media_type, path=sent.path)


def names_a_person(text: bytes) -> bool:
    plain = unquote_to_bytes(text.replace(b"\x00", b"")).lower()
    unescaped = _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), plain)
    encoded = base64.b64encode(b"dupont")[:7].lower()
    return any(sign in unescaped for sign in (b"dupont", PHONE.encode(), encoded))


@pytest.fixture(scope="module")
def target(
    shared_broker: KafkaBroker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    folder, bootstrap = tmp_path_factory.mktemp("gateway"), shared_broker.bootstrap
    with running_gateway(bootstrap, folder, log_level="debug") as (gateway, credentials):
        yield Target(gateway, credentials, bootstrap)


@dataclass(frozen=True)
class Sent:
    """A request's body and what goes with it."""

    body: bytes | str
    headers: tuple[str, ...] = ()
    media_type: str = STRUCTURED
    path: str = "/events"
    problem: str = "person_data"
    """The problem that is answered."""


def written(**changes: Any) -> str:
    return json.dumps(event(**changes), ensure_ascii=False)


def with_pair(pair: str) -> str:
    return f"{written()[:-1]}, {pair}}}"


def attributes(**changes: str) -> tuple[str, ...]:
    values = {**{name: value for name, value in event().items() if name != "data"}, **changes}
    return tuple(f"ce-{name}: {value}" for name, value in values.items())


DATA = json.dumps(event()["data"])
DEEP = "[" * 40 + '{"nom": "Dupont", "x": "' + ESCAPED + '"}' + "]" * 40
ENDLESS = f'"x": {"9" * 5_000}, "nom": "Dupont", "mail": "{ESCAPED}"'
NAMED = with_pair('"nom": "Dupont"')
TOO_DEEP = with_pair(f'"x": {DEEP}')
INNER = json.dumps(json.dumps({"nom": "Dupont"}))
ENCODED = base64.b64encode(b"dupont, jean").decode()

#: What looks like a person's data, once all of it is looked through: no letter at all.
FOUND = {
    "a key twice, the last one harmless": Sent(with_pair(f'"subject": "{MAIL}", "subject": "x"')),
    "a key twice, the first one harmless": Sent(with_pair(f'"subject": "x", "subject": "{MAIL}"')),
    "a key twice within data": Sent(
        written(data=0).replace("0}", '{"x": {"nom": "Dupont", "y": 1}, "x": 1}}')
    ),
    "a key twice, once escaped": Sent(with_pair(rf'"x": "{MAIL}", "\u0078": "x"')),
    "a key twice, a whole event hidden": Sent(with_pair(f'"data": {{"x": "{ESCAPED}"}}')),
    "a key that is an address": Sent(written(data={MAIL: 1})),
    "beside no number": Sent(with_pair(f'"x": NaN, "nom": "Dupont", "mail": "{ESCAPED}"')),
    "an escaped address": Sent(with_pair(f'"x": "{ESCAPED}"')),
    "in a batch, a key twice": Sent(
        "[" + with_pair(f'"subject": "{MAIL}", "subject": "x"') + "]",
        media_type=BATCH,
        problem="batch_refused",
    ),
    "binary, a header": Sent(DATA, attributes(subject=quote(MAIL)), JSON),
    "binary, a quoted header": Sent(DATA, attributes(subject=r'"jean.dupont\@example.org"'), JSON),
    "binary, a header in the place of the body": Sent(DATA, attributes(data=MAIL), JSON),
    "binary, a header named as a person's": Sent(DATA, attributes(nom="Dupont"), JSON),
    "binary, a key twice": Sent(f'{{"x": "{MAIL}", "x": 1}}', attributes(), JSON),
    "datacontenttype": Sent(written(datacontenttype=f'{JSON}; note="{MAIL}"')),
    "datacontenttype, a name": Sent(written(datacontenttype=f"{JSON}; eleve=Dupont")),
    "a source's query": Sent(written(source="/lycees/ligne?nom=Dupont")),
    "a schema's query": Sent(written(dataschema="https://example.org/?prenom=Jean&eleve=Dupont")),
    "binary, a comment": Sent(
        DATA, attributes(comment=quote("vu avec la mère de Léa Dupont")), JSON
    ),
}

#: What cannot be wholly read: its letter says why, when and how much, and has nothing of it.
UNREAD = {
    "cut short": Sent(f'{written()[:-1]}, "nom": "Dupont", "x', problem="invalid_json"),
    "more behind the end": Sent(f'{written()} {{"nom": "Dupont"}}', problem="invalid_json"),
    "no JSON": Sent("nom: Dupont\nprénom: Jean", problem="invalid_json"),
    "too deep": Sent(TOO_DEEP, problem="invalid_json"),
    "a number without end": Sent(with_pair(ENDLESS), problem="invalid_json"),
    "half a pair": Sent(with_pair(r'"x": "jean.dupont\ud800@example.org"'), problem="invalid_json"),
    "UTF-16": Sent(NAMED.encode("utf-16"), problem="invalid_json"),
    "UTF-16 without mark": Sent(
        with_pair(f'"x": "{MAIL}"').encode("utf-16-le"), problem="invalid_json"
    ),
    "a mark before": Sent(b"\xef\xbb\xbf" + NAMED.encode(), problem="invalid_json"),
    "in a batch, too deep": Sent(f"[{TOO_DEEP}]", media_type=BATCH, problem="batch_refused"),
    "binary data": Sent(
        written(data=0).replace('"data": 0', f'"data_base64": "{ENCODED}"'),
        problem="invalid_envelope",
    ),
    "JSON within JSON": Sent(
        written(data=0).replace('"data": 0', f'"data": {INNER}'), problem="invalid_data"
    ),
    "all of it within a text": Sent(INNER, problem="not_a_cloudevent"),
    "a column too many": Sent(
        written(data={**event()["data"], "suivi": "Dupont"}), problem="invalid_data"
    ),
    "a comment": Sent(
        written(data={**event()["data"], "commentaire": "vu avec Léa Dupont"}),
        problem="invalid_data",
    ),
    "a name of a field in words": Sent(
        written(data={**event()["data"], "suivi par Dupont": 3}), problem="invalid_data"
    ),
    "words in the place of a code": Sent(
        written(data={**event()["data"], "uai": "Léa Dupont"}), problem="invalid_data"
    ),
    "words in the place of a time": Sent(
        written(time="vu avec Léa Dupont"), problem="invalid_envelope"
    ),
    "binary, a percent sign alone": Sent(
        DATA, attributes(subject=f"{quote(MAIL)}%"), JSON, problem="invalid_envelope"
    ),
    "binary, percent signs that are no UTF-8": Sent(
        DATA, attributes(subject=f"%e9{quote(MAIL)}"), JSON, problem="invalid_envelope"
    ),
    "binary, a header beyond ASCII": Sent(
        DATA, attributes(subject=f"\xe9 {quote(MAIL)}"), JSON, problem="invalid_envelope"
    ),
    "binary, binary data": Sent(
        DATA, attributes(data_base64=ENCODED), JSON, problem="invalid_envelope"
    ),
}

#: What is no delivery at all, so that there is no letter either.
NO_DELIVERY = {
    "a batch that is cut short": Sent(
        f'[{written()}, {{"nom": "Dupont"', media_type=BATCH, problem="invalid_json"
    ),
    "a batch in UTF-16": Sent(
        f"[{NAMED}]".encode("utf-16"), media_type=BATCH, problem="invalid_json"
    ),
    "a header that contradicts": Sent(
        written(), (f"ce-subject: {MAIL}",), problem="ambiguous_request"
    ),
    "a header whose name is a number, twice": Sent(
        DATA, (f"ce-{PHONE}: 1", f"ce-{PHONE}: 2"), JSON, problem="ambiguous_request"
    ),
    "a header whose name is a number": Sent(
        written(), (f"ce-{PHONE}: 1",), problem="ambiguous_request"
    ),
    "a content encoding": Sent(
        written(), (f"content-encoding: {MAIL}",), problem="unsupported_media_type"
    ),
    "a path": Sent(written(), path=f"/events/{MAIL}", problem="not_found"),
    "an encoded path": Sent(written(), path=f"/{quote(MAIL, safe='')}", problem="not_found"),
    "a parameter of the media type": Sent(
        DATA, attributes(), f'{JSON}; note="{MAIL}"', problem="unsupported_media_type"
    ),
    "a media type": Sent(written(), media_type=MAIL, problem="unsupported_media_type"),
    "a charset": Sent(
        written(), media_type=f"{STRUCTURED}; charset=dupont", problem="unsupported_media_type"
    ),
}

#: What surrounds an event that is right: it is let in, and this is not.
AROUND = {
    "a query": Sent(written(), path=f"/events?mail={MAIL}"),
    "other headers": Sent(
        written(),
        (f"from: {MAIL}", f"user-agent: {MAIL}", f"cookie: nom=Dupont; tel={PHONE}", "x: dupont"),
    ),
    "a referer": Sent(f"[{written()}]", (f"referer: https://example.org/?{MAIL}",), BATCH),
    "binary, other headers": Sent(DATA, (*attributes(), f"x-forwarded-for: {MAIL}"), JSON),
}


def test_what_looks_like_a_person_s_is_refused_and_kept_nowhere(target: Target) -> None:
    """Not even a letter without it: the answer says where it was, and not what."""
    before = len(target.letters())

    for name, sent in FOUND.items():
        answer = target.deliver(sent)
        assert (answer.status, answer.problem) == (422, sent.problem), name
        assert b"person_data" in answer.body, name
        assert not names_a_person(answer.body), name

    assert len(target.letters()) == before
    assert target.disclosing() == []


def test_of_what_was_not_wholly_read_nothing_is_kept(target: Target) -> None:
    """The letter says who sent how much when, and why it was refused."""
    before, recognised = len(target.letters()), 0

    for name, sent in UNREAD.items():
        answer = target.deliver(sent)
        assert answer.problem in (sent.problem, "person_data"), name
        assert not names_a_person(answer.body), name
        # Where something was recognised in passing, there is no letter at all.
        recognised += b"person_data" in answer.body

    letters = target.letters()[before:]
    assert len(letters) == len(UNREAD) - recognised > 0
    for letter in letters:
        assert (letter.key, letter.value, letter.headers) == (None, b"", ())
        assert (letter.producer, letter.origin) == (PRODUCER, GATEWAY)
        assert abs((datetime.now(UTC) - letter.time).total_seconds()) < 60
        assert letter.shortened["value"] > 0
    assert target.disclosing() == []


def test_of_a_request_that_is_no_delivery_nothing_is_kept_or_repeated(target: Target) -> None:
    before = len(target.letters())

    for name, sent in NO_DELIVERY.items():
        answer = target.deliver(sent)
        assert answer.problem == sent.problem, name
        assert not names_a_person(answer.body), name

    assert len(target.letters()) == before
    assert target.disclosing() == []


def test_what_surrounds_an_event_is_kept_nowhere(target: Target) -> None:
    for name, sent in AROUND.items():
        assert target.deliver(sent).status == 202, name

    assert target.disclosing() == []


def test_an_unauthenticated_request_leaves_no_trace(target: Target) -> None:
    body = with_pair(f'"x": "{MAIL}"').encode()
    media_type = f"content-type: {STRUCTURED}"
    secret = SigningSecret.from_text(target.credentials.signing_secret)
    wrong = signed(body + b" ", at=datetime.now(UTC), secret=secret, message_id="jean-dupont")
    forged = [f"{name}: {value}" for name, value in wrong.items()]

    for headers in (
        [f"authorization: Bearer {MAIL}"],
        [f"authorization: Basic {ENCODED}"],
        [f"authorization: {MAIL}"],
        [*forged[:0], "smartregion-producer: dupont", *forged[1:]],
        forged,
    ):
        answer = target.send(post(body, media_type, *headers))
        assert answer.status == 401, headers
        assert not names_a_person(answer.body)
    assert target.disclosing() == []


def test_a_neighbour_in_a_batch_is_let_in_and_none_of_the_rest_kept(target: Target) -> None:
    hidden = with_pair(f'"subject": "{MAIL}", "subject": "x"')
    deep = TOO_DEEP

    answer = target.post(f"[{hidden}, {written()}, {deep}]", media_type=BATCH)

    assert answer.status == 207
    assert [item["status"] for item in answer.json["items"]] == [422, 202, 422]
    assert target.disclosing() == []
