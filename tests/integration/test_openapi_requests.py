"""A gateway answers as its OpenAPI document says, whatever is sent that is made of it."""

from collections.abc import Iterator

import pytest

from broker.reading import read_topics
from events.fact import Family
from events.registry import FACTS
from events.topics import topic_name
from gateway.problems import problem_kinds
from tests.openapi.run import Outcome, gateway_for_all_facts, send_requests
from tests.support.kafka import KafkaBroker

#: The fixture sends for half a minute, longer where other tests share the processors.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def outcome(
    shared_broker: KafkaBroker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Outcome]:
    folder = tmp_path_factory.mktemp("openapi")
    with gateway_for_all_facts(shared_broker.bootstrap, folder) as (gateway, token):
        yield send_requests(gateway.url, token, folder, seed=1, examples=20, share=12)


def test_every_answer_is_as_the_document_says(outcome: Outcome) -> None:
    assert outcome.status == 0, outcome.report[-20_000:]


def test_each_way_of_sending_accepts_and_refuses(outcome: Outcome) -> None:
    for path, least, refused in (
        ("/events", 50, 100),
        ("/events/batch", 40, 100),
        ("/events/binary", 10, 5),
    ):
        answers = {
            (mode, status): count
            for (operation, mode, status), count in outcome.answers.items()
            if operation == f"POST {path}"
        }
        valid = sum(count for (mode, _), count in answers.items() if mode == "positive")
        assert answers["positive", 202] >= least
        assert answers["positive", 202] > 0.7 * valid
        assert answers["negative", 422] >= refused
        assert answers["negative", 400]
        assert answers["negative", 415]


def test_every_document_and_explanation_is_fetched(outcome: Outcome) -> None:
    for path, names in (("/schemas/{type}.json", FACTS), ("/problems/{name}", problem_kinds())):
        assert outcome.answers[f"GET {path}", "positive", 200] >= len(names)
        assert outcome.answers[f"GET {path}", "negative", 404]


def test_the_accepted_events_are_of_every_family(
    outcome: Outcome, shared_broker: KafkaBroker
) -> None:
    assert outcome.answers
    empty = [
        family
        for family in Family
        if not list(read_topics(shared_broker.bootstrap, topics=[topic_name(family)]))
    ]
    assert not empty
