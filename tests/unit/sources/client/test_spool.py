"""The spool, in memory and on disk: the same behaviour, and what the disk adds."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boundary.errors import SmartRegionError
from sources.client.spool import Spool, SpoolFullError, Waiting, taken_together
from tests.support.commands import captured

events = st.binary(min_size=1, max_size=30)


@settings(max_examples=40)
@given(
    steps=st.lists(
        events
        | st.tuples(st.integers(1, 5), st.integers(1, 80), st.integers(1, 3))
        | st.just("reopen"),
        max_size=25,
    ),
    on_disk=st.booleans(),
)
def test_it_is_a_queue_of_which_some_may_stay(
    steps: list[bytes | tuple[int, int, int] | str], *, on_disk: bool
) -> None:
    expected: list[bytes] = []
    with TemporaryDirectory() as folder:
        file = Path(folder) / "spool.db" if on_disk else None
        spool = Spool(file)
        for step in steps:
            if isinstance(step, bytes):
                spool.append(step)
                expected.append(step)
            elif isinstance(step, tuple):
                *most, every = step
                batch = spool.head(*most)
                assert [one.event for one in batch] == expected[: len(batch)]
                assert bool(batch) is bool(expected)
                spool.remove(batch[::every])
                spool.remove(batch[::every])
                del expected[: len(batch) : every]
            elif on_disk:
                spool.close()
                spool = Spool(file)
            assert len(spool) == len(expected)
        assert [one.event for one in spool.head(1_000, 10_000)] == expected
        spool.close()


@given(sizes=st.lists(events, max_size=20), most=st.integers(1, 10), size=st.integers(2, 200))
def test_a_batch_is_as_large_as_fits(sizes: list[bytes], most: int, size: int) -> None:
    """The body of a batch is within its bounds, and one event more would not be."""
    waiting = [Waiting(position, event) for position, event in enumerate(sizes)]
    batch = taken_together(waiting, most, size)

    def body(count: int) -> int:
        return len(b"[" + b",".join(sizes[:count]) + b"]")

    assert list(batch) == waiting[: len(batch)]
    assert len(batch) <= most
    assert len(batch) <= 1 or body(len(batch)) <= size
    if len(batch) < len(sizes):
        assert len(batch) == most or body(len(batch) + 1) > size


@pytest.mark.parametrize("bound", [{"most_events": 2}, {"most_bytes": 2}])
def test_a_full_spool_says_so_and_loses_nothing(tmp_path: Path, bound: dict[str, int]) -> None:
    """Bounded by events and by bytes; room that was made is used."""
    with closing(Spool(tmp_path / "spool.db", **bound)) as spool:
        spool.append(b"a")
        spool.append(b"b")
        with pytest.raises(SpoolFullError, match="is full, value 2 events of 2 bytes"):
            spool.append(b"c")
        spool.remove(spool.head(1, 100))
        spool.append(b"c")
        assert [one.event for one in spool.head(9, 100)] == [b"b", b"c"]


def test_a_full_spool_is_full_for_the_next_process(tmp_path: Path) -> None:
    file = tmp_path / "spool.db"
    with closing(Spool(file)) as spool:
        spool.append(b"abc")
    with closing(Spool(file, most_bytes=3)) as spool, pytest.raises(SpoolFullError):
        spool.append(b"d")


@pytest.mark.slow
def test_one_process_has_it(tmp_path: Path) -> None:
    file = tmp_path / "spool.db"
    program = (
        "import sys; from pathlib import Path; from sources.client.spool import Spool;"
        "Spool(Path(sys.argv[1]))"
    )
    with closing(Spool(file)) as spool:
        done = captured([sys.executable, "-c", program, file])
        assert "in use by another process" in done.stderr
        with pytest.raises(SmartRegionError, match="in use by another process"):
            Spool(file)
        spool.append(b"a")
    with closing(Spool(file)) as spool:
        assert len(spool) == 1


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    """The file and those that SQLite makes beside it."""
    with closing(Spool(tmp_path / "spool.db")) as spool:
        spool.append(b"a")
        assert {one.stat().st_mode & 0o077 for one in tmp_path.iterdir()} == {0}


def test_another_file_is_left_alone(tmp_path: Path) -> None:
    content = b"not a database, but a text of some length" * 50
    file = tmp_path / "spool.db"
    file.write_bytes(content)
    with pytest.raises(SmartRegionError, match="cannot be used as a spool"):
        Spool(file)
    assert file.read_bytes() == content


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "spool.db"
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE waiting (x)")
    with pytest.raises(SmartRegionError, match="another program"):
        Spool(file)
    file.unlink()
    Spool(file).close()
    with closing(sqlite3.connect(file)) as later:
        later.execute("PRAGMA user_version = 2")
    with pytest.raises(SmartRegionError, match="another program or version"):
        Spool(file)


def test_a_disk_without_room_keeps_what_it_had(tmp_path: Path) -> None:
    with closing(Spool(tmp_path / "spool.db")) as spool:
        spool.append(b"a")
        spool._database.execute("PRAGMA max_page_count = 4")
        with pytest.raises(SmartRegionError, match="full"):
            list(map(spool.append, [b"x" * 1_000] * 100))
        kept = len(spool)
        assert [one.event for one in spool.head(1, 10)] == [b"a"]
        assert len(spool.head(1_000, 10**6)) == kept


def test_a_removal_that_fails_removes_nothing(tmp_path: Path) -> None:
    """What was sent is then sent again, rather than half forgotten."""
    with closing(Spool(tmp_path / "spool.db")) as spool:
        for event in (b"a", b"b"):
            spool.append(event)
        spool._database.execute(
            "CREATE TEMP TRIGGER failing BEFORE DELETE ON waiting WHEN old.place = 2"
            " BEGIN SELECT RAISE(FAIL, 'disk I/O error'); END"
        )
        with pytest.raises(SmartRegionError, match="disk I/O error"):
            spool.remove(spool.head(2, 100))
        assert len(spool) == 2
        assert [one.event for one in spool.head(2, 100)] == [b"a", b"b"]
