"""The simulated brokers answer as a real Kafka does."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from kafka.admin import NewTopic

from tests.simulation.conversations import CONVERSATIONS, TOPIC, answers_to
from tests.support.kafka import KafkaBroker

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def simulated() -> Mapping[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation.conversations"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    answers: Mapping[str, Any] = json.loads(done.stdout)
    return answers


@pytest.fixture(scope="module")
def topic(shared_broker: KafkaBroker) -> None:
    with shared_broker.admin() as admin:
        settings = {"message.timestamp.type": "LogAppendTime"}
        admin.create_topics([NewTopic(TOPIC, 1, 1, topic_configs=settings)])


@pytest.mark.usefixtures("topic")
def test_a_real_kafka_answers_alike(
    simulated: Mapping[str, Any], shared_broker: KafkaBroker
) -> None:
    host, port = shared_broker.bootstrap.split(":")
    real = {name: asyncio.run(answers_to(name, host, int(port))) for name in CONVERSATIONS}

    assert json.loads(json.dumps(real)) == simulated
