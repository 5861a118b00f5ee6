"""The outbox on a real PostgreSQL: what is emitted, by whom, and what a relay is given."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import assume, given, settings

from boundary.errors import SmartRegionError
from boundary.postgres import DatabaseUnavailableError
from events.cloudevent import decode_json
from events.fact import Fact
from events.pseudonym import PseudonymKey
from events.topics import topic_name
from sources.relay.outbox import Outbox, WaitingEvent
from tests.support.commands import run_inside_with
from tests.support.facts import facts
from tests.support.histories import uai
from tests.support.postgres import Database, PostgresServer
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(120)

SOURCE = "urn:iledefrance:lycees"
CLEAN = "SELECT smart_region.clean('smart_region_outbox')"
CONNECTED = "SELECT smart_region.emit('school.connected', %s, %s, %s)"
PARIS, OTHER = uai("0750001"), uai("0750002")
SPEED = json.dumps({"downlink_mbps": 1000})


def connect(connection: psycopg.Connection[Any], uai: str, day: str = "2018-03-01") -> None:
    connection.execute(CONNECTED, (uai, day, SPEED))


def waiting(database: Database) -> list[tuple[str, str, str]]:
    with database.connected() as connection:
        return connection.execute(
            "SELECT topic, key, event FROM smart_region.outbox ORDER BY seq"
        ).fetchall()


def sessions_of_relays(database: Database) -> int:
    with database.connected() as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'smart-region'"
        ).fetchone()
    return int(row[0]) if row else 0


def sent_late(rows: Sequence[WaitingEvent], database: Database) -> list[int]:
    assert wait_until(lambda: not sessions_of_relays(database), seconds=10)
    return [row.seq for row in rows]


@pytest.fixture(scope="module")
def shared(postgres: PostgresServer) -> Database:
    return Database(postgres, "shared", source=SOURCE)


@given(fact=facts())
@settings(max_examples=100)
def test_every_fact_is_emitted_as_the_contract_has_it(shared: Database, fact: Fact) -> None:
    if fact.FAMILY.about_persons:  # The contract takes more than pseudonyms.
        person = hashlib.md5(fact.entity_id.encode(), usedforsecurity=False).hexdigest()
        fact = fact.model_copy(update={fact.KEY: f"k1-{person}"})
    assume(fact.effective_day <= datetime.now(UTC).date())
    data = fact.model_dump(mode="json")
    # PostgreSQL has no text with this character.
    assume(not any("\x00" in text for text in data.values() if isinstance(text, str)))
    entity, day, retracted = (data.pop(one) for one in (fact.KEY, fact.DAY, "retracted"))
    with shared.connected() as connection:
        connection.execute(
            "SELECT smart_region.emit(%s, %s, %s, %s, %s)",
            (fact.NAME, entity, day, json.dumps(data), retracted),
        )
    topic, key, event = waiting(shared)[-1]
    read = decode_json(event)
    assert (read.fact, read.source) == (fact, SOURCE)
    assert (topic, key) == (topic_name(fact.FAMILY), fact.entity_id)
    assert abs(datetime.now(UTC) - read.time) < timedelta(minutes=1)


def test_of_two_events_the_later_one_is_later(database: Database) -> None:
    """In one transaction too, where a clock may not have moved."""
    with database.connected() as connection, connection.transaction():
        for _ in range(200):
            connect(connection, PARIS)
    times = [decode_json(event).time for _, _, event in waiting(database)]
    assert len(set(times)) == 200
    assert times == sorted(times)


def test_a_transaction_that_the_server_ends_may_be_tried_again(database: Database) -> None:
    """It was idle for longer than this server allows, while its events were sent."""
    with database.connected() as connection:
        connect(connection, PARIS)
        connection.execute(
            f"ALTER DATABASE \"{database.name}\" SET idle_in_transaction_session_timeout = '1ms'"
        )
    with (
        Outbox(database.url()) as outbox,
        pytest.raises(DatabaseUnavailableError),
        outbox.taken(10) as rows,
    ):
        outbox.delivered(sent_late(rows, database))


@pytest.mark.parametrize(
    ("call", "problem", "remedy"),
    [
        ("'school.conected', '0750001A', '2018-03-01'", "type: is not an event type", "use one of"),
        ("'school.closed', ' ', '2018-03-01'", "uai: is missing", "name the entity"),
        ("'school.closed', NULL, '2018-03-01'", "uai: is missing", "name the entity"),
        *(
            (f"'training.completed', '{name}', '2018-03-01'", "enrolment_id: is no", "pseudonym(")
            for name in ("jean-moulin-1943", f"k1-{'0' * 31}G", f"K1-{'0' * 32}", f"k1-{'0' * 33}")
        ),
        ("'school.closed', '0750001A', NULL", "closed_on: is missing", "give the day"),
        ("'school.connected', '0750001A', '2018-03-01'", "downlink_mbps: is missing", "needs"),
        ("'school.closed', '0750001A', '2018-03-01', '[]'", "data: is not", "or nothing"),
        ("'school.closed', '0750001A', '2018-03-01', '{\"x\": 1}'", "x: is no other", "remove it"),
        ("'school.closed', '0750001A', '2018-03-01', '{\"uai\": 1}'", "uai: is no other", "remove"),
    ],
)
def test_a_wrong_call_is_refused_with_its_remedy(
    shared: Database, call: str, problem: str, remedy: str
) -> None:
    with (
        shared.connected() as connection,
        pytest.raises(psycopg.errors.InvalidParameterValue) as refused,
    ):
        connection.execute(f"SELECT smart_region.emit({call})")
    assert (refused.value.diag.message_primary or "").startswith(problem)
    assert remedy in (refused.value.diag.message_hint or "")


def test_a_role_may_do_its_own_part_alone(database: Database) -> None:
    emitter = database.user("a_program", "smart_region_emitter")
    relay = database.user("a_relay", "smart_region_relay")
    nobody = database.user("a_visitor")
    with psycopg.connect(emitter, autocommit=True) as connection:
        connect(connection, PARIS)
        assert refused(connection, "SELECT * FROM smart_region.outbox")
        assert refused(connection, "SELECT * FROM smart_region.take(1)")
        assert refused(connection, "SELECT * FROM smart_region.pseudonym_key")
    with psycopg.connect(relay, autocommit=True) as connection:
        assert connection.execute("SELECT events FROM smart_region.waiting()").fetchone() == (1,)
        assert refused(connection, "SELECT smart_region.emit('school.closed', 'x', now()::date)")
        assert refused(connection, "DELETE FROM smart_region.outbox")
    with psycopg.connect(nobody, autocommit=True) as connection:
        assert refused(connection, "SELECT * FROM smart_region.event_type")
        assert refused(connection, "SELECT * FROM smart_region.waiting()")
        assert refused(connection, "SELECT * FROM smart_region.refused")
        assert refused(connection, CLEAN)


def test_a_database_that_only_reads_gives_nothing_to_send(database: Database) -> None:
    """It could not remove it: the same events would be sent again, for as long as that lasts."""
    relay = database.user("a_relay", "smart_region_relay")
    with database.connected() as connection:
        connect(connection, PARIS)
        connection.execute("ALTER ROLE a_relay SET default_transaction_read_only = on")
    given: list[WaitingEvent] = []
    with (
        Outbox(relay) as outbox,
        pytest.raises(DatabaseUnavailableError, match="read-only"),
        outbox.taken(1) as rows,
    ):
        given += rows
    assert given == []


def test_an_event_is_refused_whatever_the_encoding_of_its_database(
    postgres: PostgresServer,
) -> None:
    """Older ones have no … and no typographic apostrophe; nothing behind it would be sent."""
    database = Database(postgres, "older", source=SOURCE, encoding="LATIN1")
    with database.connected() as connection:
        connect(connection, PARIS)
    with Outbox(database.url()) as outbox, outbox.taken(1) as [row]:
        outbox.refuse(row.seq, "n’est pas « Lycée… »")
    with database.connected() as connection:
        found = connection.execute("SELECT reason FROM smart_region.refused").fetchall()
    assert found == [("n\\u2019est pas \\xab Lyc\\xe9e\\u2026 \\xbb",)]


def test_a_relay_reads_all_characters_whatever_the_terminal_has(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PGCLIENTENCODING is for psql, and may name an encoding without some of them."""
    data = json.dumps({"name": "Lycée Ω", "kind": "general_technological", "commune": "75056"})
    with database.connected() as connection:
        connection.execute(
            "SELECT smart_region.emit('school.registered', %s, '2010-09-01', %s)", (PARIS, data)
        )
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    with Outbox(database.url()) as outbox, outbox.taken(1) as [row]:
        assert "Lycée Ω" in row.event


def test_a_pooler_may_give_each_transaction_another_connection(database: Database) -> None:
    """As PgBouncer does: what was prepared on one is not there on the next, or is there already."""
    with database.connected() as connection:
        for _ in range(10):
            connect(connection, PARIS)
    with Outbox(database.url()) as outbox:
        for _ in range(10):
            with outbox.taken(1) as [row]:
                outbox.delivered([row.seq])
        prepared = outbox._connection.execute("SELECT count(*) FROM pg_prepared_statements")
        assert prepared.fetchone() == (0,)


@pytest.mark.parametrize(
    ("encoding", "others"),
    [("UTF8", "\x85\u2003\u202f\u3000\u200b\ufeffe\u0301"), ("LATIN1", ""), ("WIN1252", "\u2026œ")],
)
def test_the_database_makes_the_pseudonyms_of_the_command(
    postgres: PostgresServer, encoding: str, others: str
) -> None:
    """Whatever is around an identity in its column: a person with two would count twice."""
    database = Database(postgres, f"persons_{encoding}".lower(), source=SOURCE, encoding=encoding)
    key = PseudonymKey.new("k1")
    spaces = [chr(code) for code in range(1, 0x100) if chr(code).isspace() and code != 0x85]
    persons = [f"{one}12 3é{one}{one}" for one in (*spaces, *others)]
    with database.connected() as connection:
        connection.execute("SELECT smart_region.use_pseudonym_key(%s)", (key.reveal(),))
        made = connection.execute(
            "SELECT smart_region.pseudonym(person) FROM unnest(%s::text[]) AS person", (persons,)
        ).fetchall()
    assert [pseudonym for (pseudonym,) in made] == [key.pseudonym(one) for one in persons]


def test_an_operator_looks_after_the_outbox_without_reading_it(database: Database) -> None:
    operator = database.user("an_operator", "smart_region_operator")
    with database.connected() as connection:
        connect(connection, PARIS)
        connect(connection, OTHER)
        connection.execute("SELECT smart_region.refuse(min(seq), 'wrong') FROM smart_region.outbox")
    with psycopg.connect(operator, autocommit=True) as connection:
        assert connection.execute("SELECT events FROM smart_region.waiting()").fetchone() == (1,)
        read = connection.execute("SELECT key, reason FROM smart_region.refused").fetchall()
        assert read == [(PARIS, "wrong")]
        connection.execute("DELETE FROM smart_region.refused")
        # It may call it, and gets an error about the slot.
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="slot: is no"):
            connection.execute(CLEAN)
        for beyond in (
            "SELECT * FROM smart_region.outbox",
            "SELECT * FROM smart_region.take(1)",
            "SELECT smart_region.delivered(ARRAY[2])",
            "UPDATE smart_region.refused SET reason = ''",
            "SELECT * FROM smart_region.pseudonym_key",
            "SELECT smart_region.emit('school.closed', 'x', now()::date)",
        ):
            assert refused(connection, beyond), beyond


def test_an_outbox_that_begins_anew_can_refuse_again(database: Database) -> None:
    """After trials it is emptied: a relay would end at each number that was refused before."""
    with database.connected() as connection:
        for name in (PARIS, OTHER):
            connect(connection, name)
            connection.execute("SELECT smart_region.refuse(1, 'wrong')")
            connection.execute("TRUNCATE smart_region.outbox RESTART IDENTITY")
        read = connection.execute(
            "SELECT seq, key FROM smart_region.refused ORDER BY refused_at"
        ).fetchall()
        assert read == [(1, PARIS), (1, OTHER)]


def test_what_another_server_has_passed_removes_nothing(database: Database) -> None:
    """A restored dump has the numbers of the server that it is from: ours may be far below."""
    with database.connected() as connection:
        connect(connection, PARIS)
        connection.execute("UPDATE smart_region.outbox SET emitted_at = now() - interval '8 days'")
        connection.execute("INSERT INTO smart_region.passed VALUES ('0/1', '4000000000')")
        connection.execute(
            "SELECT pg_create_logical_replication_slot('smart_region_outbox', 'pgoutput')"
        )
        try:
            connect(connection, OTHER)  # The slot has not passed this one.
            connection.execute(
                "UPDATE smart_region.outbox SET emitted_at = now() - interval '8 days'"
            )
            removed = connection.execute(CLEAN).fetchone()
        finally:
            connection.execute("SELECT pg_drop_replication_slot('smart_region_outbox')")
    assert removed == (0,)
    assert [key for _, key, _ in waiting(database)] == [PARIS, OTHER]


def refused(connection: psycopg.Connection[Any], statement: str) -> bool:
    try:
        connection.execute(statement)
    except psycopg.errors.InsufficientPrivilege:
        return True
    return False


def test_installed_again_it_keeps_what_waits_and_changes_nothing_else(database: Database) -> None:
    """Run again with the same source, the file says nothing."""
    with database.connected() as connection:
        connect(connection, PARIS)
    before = database.dump()
    assert PARIS in before
    assert database.install() == ""
    assert database.dump() == before
    database.source = "urn:iledefrance:lycees-2"
    database.install()
    with database.connected() as connection:
        connect(connection, OTHER)
    sources = [decode_json(event).source for _, _, event in waiting(database)]
    assert sources == [SOURCE, "urn:iledefrance:lycees-2"]


class TestTaking:
    def test_two_relays_never_have_the_same_entity(self, database: Database) -> None:
        """So an entity's events arrive in their order, whoever sends them."""
        with database.connected() as connection:
            for number in range(40):
                connect(connection, uai(f"075{number % 20:04}"), f"2018-03-{1 + number // 20:02}")
        with Outbox(database.url()) as one, Outbox(database.url()) as other:
            with one.taken(10) as first:
                with other.taken(40) as second:
                    assert {row.key for row in first}.isdisjoint({row.key for row in second})
                one.delivered([row.seq for row in first])
            with other.taken(40) as rest:
                assert len(first) == 10
                assert len(rest) == 30
                assert [row.seq for row in rest] == sorted(row.seq for row in rest)

    def test_waits_for_what_is_emitted(self, database: Database) -> None:
        """It is notified of a commit at once, long before its time is over."""
        with Outbox(database.url()) as outbox, database.connected() as connection:
            connect(connection, PARIS)
            before = datetime.now(UTC)
            outbox.wait(60)
            assert datetime.now(UTC) - before < timedelta(seconds=30)


class TestErrors:
    @pytest.mark.parametrize(
        ("address", "words"),
        [
            ("postgresql://someone:secret@127.0.0.1/x", "PGPASSFILE"),
            ("postgresql//x", "postgresql://USER@HOST/NAME"),
            ("postgresql://nobody@127.0.0.1:9/x", "not available"),
        ],
    )
    def test_an_address_that_leads_to_no_database(self, address: str, words: str) -> None:
        with pytest.raises(SmartRegionError, match=words):
            Outbox(address)

    def test_a_database_without_an_outbox(self, postgres: PostgresServer) -> None:
        with (
            Outbox(postgres.url()) as outbox,
            pytest.raises(SmartRegionError, match=r"run outbox\.sql"),
            outbox.taken(1),
        ):
            pass

    def test_an_error_of_the_database_comes_before_the_relay_s_count(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sources.relay.cli.open_publisher", lambda *_: nullcontext())
        address = database.user("a_stranger")
        done = run_inside_with({}, "relay", "postgres", "--once", "--database", address)
        assert (done.returncode, done.stdout) == (2, "0 sent, 0 refused\n")
        assert done.stderr.startswith("Error: outbox: cannot be used (permission denied")
