"""The watch for a broker that no longer answers."""

from __future__ import annotations

import pytest

from broker import answer_watch
from broker.answer_watch import AnswerWatch
from broker.errors import BrokerUnreachableError
from broker.security import BrokerSecurity

TIMEOUT = 60.0


class Scene:
    def __init__(self) -> None:
        self.now = 100.0
        self.is_answering = True
        self.asked = 0

    def answers(self, *, wait_seconds: float) -> bool:
        self.asked += 1
        if not self.is_answering:
            self.now += wait_seconds
        return self.is_answering

    def follow(self, watch: AnswerWatch, seconds: float, *, received: bool = False) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += 1.0
            watch.check(received=received, timeout=TIMEOUT)


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    made = Scene()
    monkeypatch.setattr(answer_watch, "monotonic", lambda: made.now)
    return made


def test_a_broker_that_answers_may_have_nothing_for_days(scene: Scene) -> None:
    scene.follow(AnswerWatch(scene, "localhost:1"), 600.0)
    assert scene.asked == 60


def test_a_broker_that_sends_records_is_not_asked(scene: Scene) -> None:
    scene.is_answering = False
    scene.follow(AnswerWatch(scene, "localhost:1"), 600.0, received=True)
    assert scene.asked == 0


def test_a_broker_that_says_nothing_is_reported(scene: Scene) -> None:
    watch = AnswerWatch(scene, "localhost:1")
    scene.is_answering = False
    scene.follow(watch, TIMEOUT - 10.0)
    with pytest.raises(BrokerUnreachableError, match="leader of some partition does not answer"):
        scene.follow(watch, 20.0)


def test_one_answer_begins_the_time_anew(scene: Scene) -> None:
    watch = AnswerWatch(scene, "localhost:1")
    scene.is_answering = False
    scene.follow(watch, TIMEOUT - 10.0)
    scene.is_answering = True
    scene.follow(watch, 20.0)
    scene.is_answering = False
    scene.follow(watch, TIMEOUT - 10.0)


def test_each_broker_is_asked_why(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    async def note(addresses: list[str], _: BrokerSecurity) -> None:
        asked.append(addresses)

    monkeypatch.setattr(answer_watch, "preflight", note)
    scene.is_answering = False

    scene.follow(AnswerWatch(scene, "one:9092, two:9092"), 20.0)

    assert asked == [["one:9092", "two:9092"]]
