"""Observed indicators on a real broker: what each territory was last said to be, and no sum."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from audit.recount import audit_records
from broker.reading import read_topics
from catalogue import metrics
from events.observation import Territory
from tests.support.commands import run_inside
from tests.support.kafka import KafkaBroker
from tests.support.observations import BAROMETER, Observation, barometer, observation_events
from tests.support.recounts import compare
from tests.support.traffic import message_of, send, shuffled, wait_done
from tests.support.workers import Worker, WorkerFactory, supervised

pytestmark = pytest.mark.timeout(300)

#: The workers' clock stands there.
LAST_DAY = date(2020, 12, 31)
COUNT = 2_000
EXTERNAL = {"fibre_ratio": "IND-042", "waiting_days": "IND-101", "balance_euros": "solde.2017"}
#: Where the one observation is taken back: it is blank, and no zero.
SILENT = Territory.VAL_D_OISE

Figures = Mapping[tuple[str, str], float]


@pytest.fixture(autouse=True)
def _catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMART_REGION_CATALOGUE", str(BAROMETER))


def drawn() -> list[Observation]:
    chance = random.Random(42)
    territories = [territory for territory in Territory if territory is not SILENT]
    taken_back = [
        Observation("IND-042", SILENT, date(2019, 6, 30), value) for value in (Decimal(90), None)
    ]
    return taken_back + [
        Observation(
            chance.choice([*EXTERNAL.values(), "IND-999"]),
            chance.choice(territories),
            date(2018, 1, 1) + timedelta(30 * chance.randrange(30)),
            None if chance.random() < 0.1 else Decimal(chance.randint(-(10**9), 10**9)).scaleb(-6),
        )
        for _ in range(COUNT)
    ]


def last_values(observations: Sequence[Observation]) -> dict[tuple[str, str], float]:
    cells = {(one.indicator, one.territory, one.day): one.value for one in observations}
    found: dict[tuple[str, str], float] = {}
    for (external, territory, _), value in sorted(cells.items()):
        for indicator in barometer().indicators:
            if (
                EXTERNAL[indicator.id] != external
                or value is None
                or territory is Territory.COUNTRY
            ):
                continue
            where = territory.department or metrics.REGION
            if where == metrics.REGION or indicator.grain == "department":
                hundredth = 100 if indicator.id == "fibre_ratio" else 1
                found[indicator.id, where] = float(value / hundredth)
    return found


def shown(worker: Worker, metric: metrics.Metric) -> Figures:
    return {
        (sample.labels["indicator"], sample.labels["department"]): sample.value
        for family in text_string_to_metric_families(worker.metrics())
        for sample in family.samples
        if sample.name == metric.name
    }


def country(assessor: Worker) -> Mapping[str, float]:
    return {
        sample.labels["indicator"]: sample.value
        for family in text_string_to_metric_families(assessor.metrics())
        for sample in family.samples
        if sample.name == metrics.INDICATOR_COUNTRY.name
    }


def last_of_the_country(observations: Sequence[Observation], external: str) -> float:
    cells = {
        one.day: one.value
        for one in observations
        if (one.indicator, one.territory) == (external, Territory.COUNTRY)
    }
    return float([value for _, value in sorted(cells.items()) if value is not None][-1])


def test_figures_are_the_last_values_whatever_happened(
    broker: KafkaBroker, factory: WorkerFactory, tmp_path: Path
) -> None:
    observations = drawn()
    messages = shuffled(
        [message_of(one) for one in observation_events(observations)], seed=7, doubled=0.5
    )
    first, second = (factory.worker() for _ in range(2))
    assessor = factory.assessor(workers=f"{first.url},{second.url}")
    with supervised(first), supervised(second):
        send(broker.bootstrap, messages[: COUNT // 2], misrouted=0.2)
        first.kill()
        send(broker.bootstrap, messages[COUNT // 2 :], misrouted=0.2)
        assert wait_done(broker.bootstrap, seconds=120), second.log[-3000:]
        first.wait_ready()
        second.wait_ready()
        audit = audit_records(read_topics(broker.bootstrap), barometer(), LAST_DAY)
        comparison = compare(audit, [first.url, second.url])
        assert comparison.differences == ()
        assert comparison.compared == 2 * 9 + 1
        assert audit.account.duplicates > COUNT / 4

        expected = last_values(observations)
        assert ("fibre_ratio", metrics.REGION) in expected
        assert ("fibre_ratio", SILENT.value[1:]) not in expected
        workers = {
            key: value
            for worker in (first, second)
            for key, value in shown(worker, metrics.INDICATOR_VALUE).items()
            if key[0] != "waiting_days" or key[1] == metrics.REGION
        }
        assert workers == expected
        assessor.start()
        assessor.wait_ready()
        assert shown(assessor, metrics.INDICATOR_ASSESSED_VALUE) == expected
        assert country(assessor) == {
            "fibre_ratio": last_of_the_country(observations, "IND-042") / 100
        }

    out = tmp_path / "figures.json"
    options = ("--as-of", f"{LAST_DAY}", "--format", "json", "--out", str(out))
    done = run_inside(broker, "export", *options)
    assert done.returncode == 0, done.stderr
    rows = {
        (row["indicator"], row["department"] or metrics.REGION): row["value"]
        for row in json.loads(out.read_text())
    }
    assert {key: value for key, value in rows.items() if value is not None} == expected
