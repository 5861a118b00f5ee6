"""Each check on the settings and files of this machine, and that of a broker that is away."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import pytest

from boundary.errors import SmartRegionError
from broker.errors import BrokerRefusedError
from dashboards.grafana import PublishingError
from events.producers.model import load_producers
from operations.doctor import brokers, checks
from operations.doctor.checks import (
    MOST_APART,
    Check,
    CheckStatus,
    Doctor,
    Finding,
    NothingToCheckError,
    check_clocks,
    check_workers,
    run_checks,
)
from operations.losses.missing import PartitionLog
from operations.programs.addresses import free_address
from streams.decisions import AcceptedLoss, Decisions, KnownTopic
from streams.queries.opening import HistoriesIncompleteError
from streams.settings import load_settings
from tests.support.answering import AnsweringWorker, answering
from tests.support.knowledge import shipped
from tests.support.partition_logs import log_of
from tests.support.prometheus_stub import prometheus_stub
from tests.support.records import PARTITIONS

ENV = "SMART_REGION_"


@pytest.fixture(autouse=True)
def short_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brokers, "CONNECT_SECONDS", 0.2)


@pytest.fixture
def found(refused_connections: None) -> Callable[..., dict[str, Finding]]:  # noqa: ARG001
    def examine_all(doctor_checks: Doctor | None = None) -> dict[str, Finding]:
        doctor_checks = doctor_checks or Doctor(broker=free_address())
        return {finding.check: finding for finding in run_checks(doctor_checks.checks)}

    return examine_all


Found = Callable[..., dict[str, Finding]]


def is_wrong(finding: Finding, *message: str) -> bool:
    return finding.verdict is CheckStatus.WRONG and all(part in finding.message for part in message)


def test_what_ships_is_well(found: Found) -> None:
    findings = found()

    passed = [name for name, finding in findings.items() if finding.verdict is CheckStatus.OK]
    assert passed == ["settings", "gateway", "catalogue", "producers"]


@dataclass(frozen=True)
class Fault:
    """A check that finds what is wrong with a setting, or with the file that it names."""

    check: str
    settings: Mapping[str, str]
    said: str
    file: str = ""
    mode: int = 0o600
    skipped: str = ""
    """What is not checked then."""


FILE = "{file}"
PASSWORD = {"SECURITY_PROTOCOL": "SASL_PLAINTEXT", "SASL_USERNAME": "worker"}
SECRETS = f":\n  bearer_sha256: [{'f' * 64}]\n"
PRODUCER = next(iter(load_producers())).id
FAULTS = {
    "a misspelt setting": Fault(
        "settings", {"PARTITION": "8"}, "did you mean SMART_REGION_PARTITIONS?", skipped="broker"
    ),
    "a password that everybody may read": Fault(
        "settings", PASSWORD | {"SASL_PASSWORD_FILE": FILE}, "chmod 600", "secret", 0o644
    ),
    "a setting of the gateway": Fault(
        "gateway", {"GATEWAY_PROT": "6070"}, "SMART_REGION_GATEWAY_PORT"
    ),
    "a certificate that is none": Fault(
        "gateway",
        {"SERVER_CERTFILE": FILE, "SERVER_KEYFILE": FILE},
        "SMART_REGION_SERVER_CERTFILE",
        "no certificate",
    ),
    "a broken catalogue": Fault("catalogue", {"CATALOGUE": FILE}, "file.yaml", "id: ["),
    "a broken declaration of producers": Fault(
        "producers", {"PRODUCERS": FILE}, "file.yaml", "producers: []", skipped="secrets"
    ),
    "secrets of nobody who is declared": Fault(
        "secrets", {"GATEWAY_SECRETS": FILE}, "is not a declared producer", f"nobody{SECRETS}"
    ),
    "secrets that everybody may read": Fault(
        "secrets", {"GATEWAY_SECRETS": FILE}, "chmod 600", f"{PRODUCER}{SECRETS}", 0o644
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_what_is_wrong_with_this_machine_is_reported(
    found: Found, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fault: Fault
) -> None:
    file = tmp_path / "file.yaml"
    file.write_text(fault.file)
    file.chmod(fault.mode)
    for name, value in fault.settings.items():
        monkeypatch.setenv(f"{ENV}{name}", value.format(file=file))

    findings = found()

    assert is_wrong(findings[fault.check], fault.said)
    if fault.skipped:
        assert findings[fault.skipped].message == f"put right first: {fault.check}"


def test_an_unavailable_broker_is_reported(found: Found) -> None:
    findings = found()

    assert is_wrong(findings["broker"], "no Kafka broker answered")
    assert findings["topics"].message == "put right first: broker"


def test_fewer_brokers_than_copies_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    class Alone:
        def describe_cluster(self) -> dict[str, list[object]]:
            return {"brokers": [{}]}

    monkeypatch.setattr(brokers, "administering", lambda *_, **__: nullcontext(Alone()))

    with pytest.raises(SmartRegionError, match="1 where SMART_REGION_REPLICATION is 3"):
        brokers.check_brokers(load_settings(replication=3))


@pytest.mark.parametrize(
    ("unseen", "message"),
    [
        ((), " as declared, 8 partitions"),
        (("smartregion.schools",), "are not checked, of 1: this user may not see them"),
    ],
)
def test_what_the_user_may_not_see_is_not_called_as_declared(
    monkeypatch: pytest.MonkeyPatch, unseen: tuple[str, ...], message: str
) -> None:
    """A role that only reads sees no retention, which may delete events."""
    monkeypatch.setattr(brokers, "verify_topics", lambda *_, **__: unseen)

    found = brokers.check_topics(load_settings())

    assert message in found
    assert ("as declared" in found) is not bool(unseen)


NOW = datetime(2026, 1, 2, tzinfo=UTC)


def records_of(
    monkeypatch: pytest.MonkeyPatch,
    *logs: PartitionLog,
    accepted: Sequence[AcceptedLoss] = (),
    known_id: str = "now",
) -> str:
    monkeypatch.setattr(brokers, "read_logs", lambda *_, **__: list(logs))
    monkeypatch.setattr(brokers, "with_gaps", lambda _, read: read)
    losses = {(one.topic, one.partition): [one] for one in accepted}
    known = KnownTopic(
        topic="smartregion.schools", id=known_id, at=datetime(2026, 1, 2, tzinfo=UTC)
    )
    monkeypatch.setattr(brokers, "topic_ids", lambda _: {known.topic: "now"})
    monkeypatch.setattr(
        brokers, "read_decisions", lambda *_, **__: Decisions({}, losses, {known.topic: known})
    )
    monkeypatch.setattr(brokers, "has_committed", lambda _: True)
    return brokers.check_records(load_settings())


def test_events_that_are_all_there_are_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """An erasure deletes the beginning of persons' partitions."""
    assert records_of(monkeypatch, log_of("schools")) == "every partition of events begins at 0"
    assert "erasure" in records_of(monkeypatch, log_of("trainings", start=7))
    many = log_of("schools", end=brokers.MOST_READ + 1)
    assert "not read for deleted records" in records_of(monkeypatch, many)


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (log_of("schools", start=17), "all records before offset 17 were deleted"),
        (log_of("schools", gaps=((8, 9),)), "2 records in the middle were deleted"),
        (log_of("schools", end=30, at_last=None), "had read it up to offset 41"),
        (log_of("trainings", at_last=None), "at offset 41 is no record"),
    ],
)
def test_missing_events_are_named_until_their_loss_is_accepted(
    monkeypatch: pytest.MonkeyPatch, log: PartitionLog, said: str
) -> None:
    place = rf"{log.topic}\[3\] ends at offset {log.end}"
    with pytest.raises(SmartRegionError, match=f"{place}: .*{said}"):
        records_of(monkeypatch, log_of("grants"), log)

    accepted = log.accepted(at=NOW, because="the disk failed")
    assert "loss is accepted: 1" in records_of(monkeypatch, log, accepted=[accepted])


def test_a_topic_that_was_created_again_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The group's offsets were deleted with it: nothing else is missing."""
    with pytest.raises(SmartRegionError, match="schools was deleted and created again"):
        records_of(monkeypatch, known_id="before")


def test_who_may_not_see_what_workers_read_sees_where_topics_begin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The role deployer reads no record."""

    def refused(*_: object, **__: object) -> NoReturn:
        raise BrokerRefusedError("read", "smartregion.dead-letter-outcomes", cause="not authorized")

    def read(*_: object, with_committed: bool, **__: object) -> list[PartitionLog]:
        assert not with_committed
        return [log_of("schools", last=None, at_last=None)]

    monkeypatch.setattr(brokers, "topic_ids", lambda _: {})
    monkeypatch.setattr(brokers, "read_decisions", refused)
    monkeypatch.setattr(brokers, "read_logs", read)

    assert "this user may not see it" in brokers.check_records(load_settings())


def test_a_prometheus_is_checked_where_it_is_named(found: Found) -> None:
    with prometheus_stub() as stub:
        stub.scrape("smart-region-worker", "down")
        findings = found(Doctor(broker=free_address(), prometheus=stub.url))

    assert is_wrong(findings["prometheus"], "cannot scrape")
    assert stub.url in findings["clock"].message


def test_what_boards_lack_is_reported(found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object, **__: object) -> NoReturn:
        raise PublishingError("boards", "'Lycées' is not on Grafana", remedy="publish it")

    monkeypatch.setattr("operations.doctor.checks.look_at_boards", run)
    doctor_checks = Doctor(free_address(), grafana="http://127.0.0.1:9")

    assert is_wrong(found(doctor_checks)["grafana"], "Lycées")


def asked(url: str | None) -> str:
    return check_workers(load_settings(workers=url, partitions=PARTITIONS))


def test_workers_that_tell_all_histories_are_well() -> None:
    with answering(AnsweringWorker(shipped())) as worker:
        assert asked(worker.url) == f"serve the histories of all partitions: {PARTITIONS}"


@pytest.mark.slow
def test_what_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "HISTORIES_SECONDS", 0.3)
    address = free_address()

    with pytest.raises(HistoriesIncompleteError, match=address):
        asked(f"http://{address}")
    # The partitions that are served must arrive in time on a busy machine, too.
    monkeypatch.setattr(checks, "HISTORIES_SECONDS", 5)
    with (
        answering(AnsweringWorker(shipped(), owned=range(PARTITIONS - 1))) as worker,
        pytest.raises(HistoriesIncompleteError, match=f"histories of partitions {PARTITIONS - 1}"),
    ):
        asked(worker.url)


def test_workers_whose_clocks_differ_are_both_named() -> None:
    half = PARTITIONS // 2
    late = AnsweringWorker(shipped(), owned=range(half))
    right = AnsweringWorker(shipped(), owned=range(half, PARTITIONS))
    now = datetime.now(UTC)
    right.owned = replace(right.owned, now=now)
    late.owned = replace(late.owned, now=now)
    with answering(late), answering(right):
        assert asked(f"{late.url},{right.url}").startswith("serve the histories")

        late.owned = replace(late.owned, now=now - timedelta(days=1))
        with pytest.raises(SmartRegionError) as error:
            asked(f"{late.url},{right.url}")
    assert f"{late.url}: the clock is 86400 s behind the clock of {right.url}" in str(error.value)


def test_without_the_setting_there_is_nothing_to_ask() -> None:
    with pytest.raises(NothingToCheckError, match="SMART_REGION_WORKERS is not set"):
        asked(None)


def test_a_clock_that_is_off_says_which_way() -> None:
    with prometheus_stub() as stub:

        def compare(seconds: float) -> str:
            return check_clocks(
                [stub.url], now=lambda: datetime.now(UTC) + timedelta(seconds=seconds)
            )

        # Half a minute is what a busy server may take to answer.
        assert compare(MOST_APART / 2) == f"agrees with {stub.url}"
        behind = rf"^{stub.url}: the clock is \d+ s behind the clock of this machine"
        with pytest.raises(SmartRegionError, match=behind):
            compare(300)
        with pytest.raises(SmartRegionError, match=r"^this machine: the clock is \d+ s behind"):
            compare(-300)

    with pytest.raises(NothingToCheckError):
        compare(0)  # It does not answer any more.


def test_a_wrong_check_stops_those_that_need_it_and_theirs() -> None:
    def fail() -> str:
        raise SmartRegionError("nowhere")

    first, second = Check("one", fail), Check("two", lambda: "fine", needs=("one",))
    checks = [first, second, Check("three", lambda: "fine", needs=("two",))]

    assert list(run_checks(checks)) == [
        ("one", CheckStatus.WRONG, "nowhere"),
        ("two", CheckStatus.SKIPPED, "put right first: one"),
        ("three", CheckStatus.SKIPPED, "put right first: two"),
    ]
