"""The commands about topics and rights."""

import click
import pytest
from click.testing import CliRunner, Result

from broker.access_rights import GrantsReport, Role, rights_of
from broker.cli import commands
from broker.topic_admin import TopicsReport
from events.fact import Family


def run(*arguments: str) -> Result:
    group = click.Group(commands={str(command.name): command for command in commands})
    return CliRunner().invoke(group, arguments)


def test_topics_are_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    report = TopicsReport(
        created=("smartregion.grants",),
        verified=("smartregion.schools",),
        altered=("smartregion.schools",),
    )
    monkeypatch.setattr("broker.topic_admin.apply_topics", lambda *_, **__: report)
    assert run("topics", "apply").stdout.splitlines() == [
        "created smartregion.grants",
        "altered smartregion.schools",
        "1 created, 1 as declared already",
    ]


def test_topics_are_listed() -> None:
    lines = run("topics", "list", "--partitions", "3").stdout.splitlines()
    assert len(lines) == len(Family) + 2
    assert lines[0] == (
        "smartregion.schools key='uai' partitions=3 replication=1"
        " cleanup.policy=delete compression.type=producer max.message.bytes=1048588"
        " message.timestamp.type=LogAppendTime retention.bytes=-1 retention.ms=-1"
    )


def test_the_rights_of_a_role_are_printed_without_a_broker() -> None:
    lines = run("topics", "acl", "--role", "producer", "--family", "schools").stdout.splitlines()
    assert lines[0].startswith("# producer: publishes")
    assert lines[1:] == ["topic smartregion.schools: Write"]


def test_every_role_is_in_the_help() -> None:
    """The help is written by hand, so that it needs no declaration."""
    text = " ".join(run("topics", "acl", "--help").stdout.split())
    assert f"The roles: {', '.join(Role)}." in text


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (("--role", "king"), "none of producer, gateway"),
        (("--role", "producer", "--family", "music"), "none of schools"),
        (("--principal", "User:*"), "write its name"),
    ],
)
def test_what_is_no_role_family_or_user_is_reported(wrong: tuple[str, ...], expected: str) -> None:
    result = run("topics", "acl", *wrong)
    assert result.exit_code == 2
    assert expected in " ".join(result.stderr.split())


def test_rights_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    grants = [f"User:gateway may WRITE topic {name}" for name in "abc"]
    asked: list[tuple[object, ...]] = []

    def give(*arguments: object, **_: object) -> GrantsReport:
        asked.append(arguments)
        return GrantsReport((grants[0],), (grants[1],), (grants[2],))

    monkeypatch.setattr("broker.access_rights.give_rights", give)
    done = run("topics", "acl", "--role", "gateway", "--principal", "gateway", "--bootstrap", "b:1")
    assert done.stdout.splitlines() == [
        "granted: User:gateway may WRITE topic a",
        "beyond these roles: User:gateway may WRITE topic c",
        "1 granted, 1 granted before",
    ]
    assert asked == [("b:1", "User:gateway", rights_of(Role.GATEWAY))]
