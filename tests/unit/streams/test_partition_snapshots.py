"""Snapshots of partitions: what comes back is what was written, or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.fact import Family
from events.last_record import LastRecord
from streams import partition_snapshots
from streams.partition_snapshots import OFFSETS, SECONDS, PartitionSnapshots
from streams.state_store import Position, StateStore
from tests.support.histories import DAYS, deliveries, histories
from tests.support.records import PARTITIONS, apply_events
from tests.support.stored_states import (
    PARTITION,
    POSITION,
    SCHOOL,
    TOPIC_IDS,
    a_store,
    snapshots_in,
    terms,
)

SHOWN = [family for family in Family if not family.about_persons]


def figures(store: StateStore) -> list[dict[object, tuple[int, int | None]]]:
    """Return each series' figure and last report on several days."""
    days = [date.fromisoformat(day).toordinal() for day in (*DAYS, "2018-03-01", "2020-12-31")]
    return [
        {
            (partition, *key): (series.total(day), series.last_reported(day))
            for partition in range(PARTITIONS)
            for key, series in store.fold.series(partition).items()
        }
        for day in days
    ]


def write(snapshots: PartitionSnapshots, *keys: tuple[Family, int], is_end: bool = True) -> None:
    for key in keys or [PARTITION]:
        taken = snapshots.take(key, is_end=is_end)
        if taken is not None:
            asyncio.run(snapshots.write(key, taken))


def load(
    snapshots: PartitionSnapshots,
    key: tuple[Family, int] = PARTITION,
    *,
    committed: int = 1000,
    last: LastRecord | None = None,
) -> StateStore | None:
    return asyncio.run(snapshots.load(key, committed, last))


def written(folder: Path, **given: Any) -> tuple[PartitionSnapshots, Path]:
    snapshots = snapshots_in(folder, a_store(), **given)
    write(snapshots)
    [file] = folder.iterdir()
    return snapshots, file


class TestRoundTrip:
    @pytest.mark.slow
    @settings(max_examples=100, deadline=None)
    @given(st.data(), st.sampled_from(SHOWN))
    def test_states_and_figures_are_as_they_were(
        self, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, family: Family
    ) -> None:
        history = data.draw(histories(family))
        before = apply_events(StateStore(terms()), family, data.draw(deliveries(history)))
        keys = [(family, partition) for partition in range(PARTITIONS)]
        for number, key in enumerate(keys):
            before.move(*key, POSITION._replace(start=number))
        snapshots = snapshots_in(tmp_path_factory.mktemp("snapshots"), before)
        write(snapshots, *keys)

        after = StateStore(terms())
        for key in keys:
            loaded = load(snapshots, key)
            assert loaded is not None
            after.adopt(*key, loaded)

        for key in keys:
            assert after.states(*key) == before.states(*key)
            assert after.position(*key) == before.position(*key)
            assert after.mismatches(*key) == 0
        assert figures(after) == figures(before)
        assert [*after.explanations()] == [*before.explanations()]

    def test_of_several_steps(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(partition_snapshots, "_STEP", 2)
        store = a_store()
        state = store.states(*PARTITION)[SCHOOL]
        store.put(*PARTITION, dict.fromkeys(("two\nlines", "0752961D", "0754476A"), state))
        snapshots = snapshots_in(tmp_path, store)
        write(snapshots)

        loaded = load(snapshots)

        assert loaded is not None
        assert loaded.states(*PARTITION) == store.states(*PARTITION)


class TestDiscarding:
    @pytest.mark.slow
    def test_any_truncation_and_any_changed_byte(self, tmp_path: Path) -> None:
        snapshots, file = written(tmp_path)
        content = file.read_bytes()
        broken = [content[:size] for size in range(len(content))]
        for at in range(len(content)):
            changed = bytearray(content)
            changed[at] ^= 1 << at % 8
            broken.append(bytes(changed))
        for one in broken:
            file.write_bytes(one)
            assert load(snapshots) is None
        assert snapshots._counts["discarded"] == len(broken)

    @pytest.mark.parametrize(
        ("now", "release"),
        [
            ({"rules": "others"}, {}),
            ({"ids": lambda: dict.fromkeys(TOPIC_IDS, "created again")}, {}),
            # How states are stored, or made of records, may differ.
            ({}, {"_FORMAT": 2}),
            ({}, {"_program": lambda: "newer"}),
        ],
        ids=["rules", "topic", "format", "program"],
    )
    def test_of_other_rules_another_topic_or_another_release(
        self,
        tmp_path: Path,
        now: Mapping[str, Any],
        release: Mapping[str, Any],
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        written(tmp_path)
        caplog.set_level("INFO")
        for name, value in release.items():
            monkeypatch.setattr(partition_snapshots, name, value)

        assert load(snapshots_in(tmp_path, StateStore(terms()), **now)) is None
        [line] = caplog.messages
        assert line.startswith("snapshot discarded family=schools partition=0 reason=it is of {")

    def test_of_another_partition(self, tmp_path: Path) -> None:
        snapshots, file = written(tmp_path)
        file.rename(tmp_path / "schools-1.snapshot")

        assert load(snapshots, (Family.SCHOOLS, 1)) is None

    def test_beyond_the_commit_or_with_another_last_record(self, tmp_path: Path) -> None:
        """Whoever sets the offset back wants the events processed again."""
        snapshots, _ = written(tmp_path)
        other = LastRecord.before(42).model_copy(update={"key": 10})

        assert load(snapshots, committed=POSITION.next - 1) is None
        assert load(snapshots, committed=POSITION.next) is not None
        assert load(snapshots, committed=POSITION.next, last=other) is None
        assert load(snapshots, committed=POSITION.next, last=POSITION.last) is not None
        # Of a later commit it is a later record.
        assert load(snapshots, committed=POSITION.next + 1, last=other) is not None

    def test_a_broker_that_names_no_topics(self, tmp_path: Path) -> None:
        def unreachable() -> Mapping[str, str]:
            raise ConnectionError

        written(tmp_path)
        snapshots = snapshots_in(tmp_path, a_store(), ids=unreachable)

        assert load(snapshots) is None
        write(snapshots)
        assert snapshots._counts == {"discarded": 1, "failed": 1}

    def test_a_load_that_hangs_is_not_awaited_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Faust begins the step of a rebalance again: the partition is read from its log."""
        snapshots, _ = written(tmp_path)
        may_read, read = Event(), Path.read_bytes

        def hang(file: Path) -> bytes:
            may_read.wait(30)
            return read(file)

        async def scene() -> None:
            monkeypatch.setattr(Path, "read_bytes", hang)
            hanging = asyncio.create_task(snapshots.load(PARTITION, 1000, None))
            await asyncio.sleep(0)
            hanging.cancel()
            assert await snapshots.load(PARTITION, 1000, None) is None
            may_read.set()

        asyncio.run(scene())
        assert load(snapshots) is not None


class TestWriting:
    def test_nothing_about_persons_is_written_or_read(self, tmp_path: Path) -> None:
        store = a_store()
        keys = [(family, 0) for family in Family]
        for key in keys:
            store.move(*key, POSITION)
        snapshots = snapshots_in(tmp_path, store)

        write(snapshots, *keys)

        found = {file.name for file in tmp_path.iterdir()}
        assert found == {f"{family}-0.snapshot" for family in SHOWN}
        (tmp_path / "schools-0.snapshot").rename(tmp_path / "trainings-0.snapshot")
        assert load(snapshots, (Family.TRAININGS, 0)) is None

    def test_it_has_the_states_of_its_position_whatever_is_merged_while_it_is_written(
        self, tmp_path: Path
    ) -> None:
        store = a_store()
        snapshots = snapshots_in(tmp_path, store)
        before = {**store.states(*PARTITION)}

        taken = snapshots.take(PARTITION, is_end=True)
        assert taken is not None
        store.put(*PARTITION, {"0752961D": before[SCHOOL]})
        asyncio.run(snapshots.write(PARTITION, taken))

        loaded = load(snapshots)
        assert loaded is not None
        assert loaded.states(*PARTITION) == before

    def test_only_its_owner_reads_it(self, tmp_path: Path) -> None:
        _, file = written(tmp_path)

        assert file.stat().st_mode & 0o777 == 0o600

    def test_it_is_due_after_a_time_or_many_offsets_and_at_the_end(self, tmp_path: Path) -> None:
        now, store = [0.0], a_store()
        snapshots = snapshots_in(tmp_path, store, clock=lambda: now[0])
        numbers = []

        def look(*, is_end: bool = False) -> None:
            write(snapshots, is_end=is_end)
            numbers.append(snapshots._counts["written"])

        look()
        now[0] += SECONDS
        look()
        store.move(*PARTITION, POSITION._replace(next=42 + OFFSETS - 1))
        look()
        store.move(*PARTITION, POSITION._replace(next=42 + OFFSETS))
        look()
        now[0] += 2 * SECONDS
        look()
        look(is_end=True)
        store.move(*PARTITION, POSITION._replace(next=43 + OFFSETS))
        look(is_end=True)

        assert numbers == [0, 1, 1, 2, 2, 2, 3]

    def test_nothing_of_what_is_excluded_or_empty(self, tmp_path: Path) -> None:
        """Another process might take a record that made this one fail."""
        write(snapshots_in(tmp_path, a_store(), unprocessable={PARTITION}))
        write(snapshots_in(tmp_path, a_store(position=Position(5, None, 0))))

        assert [*tmp_path.iterdir()] == []

    def test_a_folder_that_cannot_be_written_is_counted_and_logged_once(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        snapshots = snapshots_in(tmp_path / "missing", a_store())

        write(snapshots)
        write(snapshots)

        assert load(snapshots) is None
        assert snapshots._counts == {"failed": 2}
        assert len([line for line in caplog.messages if "snapshot not written" in line]) == 1
