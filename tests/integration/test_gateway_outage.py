"""Half a minute at full rate, ten seconds of it without a broker: what is accepted is kept."""

from datetime import date
from pathlib import Path

import pytest

from audit.recount import audit_records
from broker.reading import read_topics
from catalogue.loader import load_catalogue
from tests.bench.probes import exposed_sum
from tests.support.gateway_senders import ID, REGION, Account, batches, is_right, sending
from tests.support.kafka import KafkaBroker
from tests.support.recounts import compare
from tests.support.running_gateway import new_gateway
from tests.support.traffic import region, wait_done
from tests.support.waiting import wait_until
from tests.support.workers import WorkerFactory, supervised

BEFORE_SECONDS = AFTER_SECONDS = 10
OUTAGE_SECONDS = 10
"""Twice the delivery timeout: what waits for the broker is given up, and refused."""
SENDERS = 3
FIRST_DAY, LAST_DAY = date(2016, 1, 1), date(2020, 12, 31)


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_what_the_gateway_accepted_is_on_the_topics(
    broker: KafkaBroker, factory: WorkerFactory, tmp_path: Path
) -> None:
    gateway, credentials = new_gateway(
        broker.bootstrap, tmp_path, REGION, gateway_delivery_timeout="5"
    )
    worker = factory.worker()
    account = Account()
    events = [one.value for one in region(7, FIRST_DAY, date(2017, 12, 31)) if is_right(one)]
    with supervised(worker), gateway:
        worker.wait_ready()
        with sending(gateway, credentials.token, batches(events), account, senders=SENDERS):
            assert wait_until(lambda: account.answers[202] > 0, seconds=30)
            assert not wait_until(lambda: not gateway.alive, seconds=BEFORE_SECONDS, every=1)
            broker.stop()
            assert not wait_until(lambda: not gateway.alive, seconds=OUTAGE_SECONDS, every=1)
            broker.start()
            assert wait_until(lambda: gateway.ready, seconds=30)
            assert not wait_until(lambda: not gateway.alive, seconds=AFTER_SECONDS, every=1)
        assert account.answers[503] > 0, account.answers
        assert account.refused == []

        records = list(read_topics(broker.bootstrap))
        on_topics = {(one.topic, one.partition, one.offset): _id_of(one.value) for one in records}
        wrong = {
            name: position
            for name, position in account.receipts.items()
            if on_topics.get(position) != name
        }
        assert wrong == {}
        assert len(records) >= len(account.receipts)
        assert len(set(on_topics.values())) >= len(account.receipts)
        accepted = exposed_sum(
            gateway.metrics(),
            "smartregion_gateway_events_total",
            producer="region",
            outcome="accepted",
        )
        # Receipts of answers that did not reach their sender are the gateway's alone.
        assert accepted >= len(account.receipts)

        assert wait_done(broker.bootstrap, seconds=300), worker.log[-3000:]
        worker.wait_ready()
        audit = audit_records(records, load_catalogue(), LAST_DAY)
        assert compare(audit, [worker.url]).differences == ()


def _id_of(value: bytes | None) -> str:
    found = ID.search(value or b"")
    return found[1].decode() if found else ""
