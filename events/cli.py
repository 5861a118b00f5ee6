"""The commands `smart-region topics …`, `emit` and `simulate`, and those of the parts below."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import click

from boundary.showing import say
from events.contracts.cli import contracts
from events.door_options import through_the_door
from events.gateway.cli import gateway
from events.importing.cli import import_group
from events.kubernetes.cli import kubernetes
from events.producers.cli import commands as producers_commands

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from events.access_granting import GrantsReport
    from events.access_rights import Right, Role
    from events.door_options import DoorChoice
    from events.emitting import RefusedLine
    from events.fact import Family

__all__ = ["commands"]

DEFAULT_BROKER: Final = "127.0.0.1:9092"

BROKER = click.option(
    "--bootstrap",
    envvar="SMART_REGION_BROKER",
    default=DEFAULT_BROKER,
    show_default=True,
    show_envvar=True,
    metavar="HOST:PORT",
    help="Kafka broker; several separated by commas.",
)
PARTITIONS = click.option(
    "--partitions",
    envvar="SMART_REGION_PARTITIONS",
    type=click.IntRange(1),
    default=8,
    show_default=True,
    help="Partitions of every topic of events.",
)
REPLICATION = click.option(
    "--replication",
    envvar="SMART_REGION_REPLICATION",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Brokers that keep each record; 3 in production.",
)
APP_ID = click.option(
    "--app-id",
    envvar="SMART_REGION_APP_ID",
    default="smart-region-monitor",
    show_default=True,
    help="The worker's application, whose changelogs are declared too.",
)


@click.group()
def topics() -> None:
    """Create, check or list the topics that the monitor needs."""


@topics.command()
@BROKER
@PARTITIONS
@REPLICATION
@APP_ID
@click.option(
    "--alter-settings",
    is_flag=True,
    help="Give topics that are there the settings that are declared, after an upgrade say.",
)
def apply(
    *, bootstrap: str, partitions: int, replication: int, app_id: str, alter_settings: bool
) -> None:
    """Create the topics that are missing and check the others.

    What is there is not altered; with --alter-settings its settings are, never its partitions.
    """
    from events.broker import BrokerSecurity
    from events.topic_admin import apply_topics
    from events.topics import declared_topics

    _quiet_client()
    specs = declared_topics(partitions=partitions, replication=replication, app_id=app_id)
    security = BrokerSecurity.from_environment(os.environ)
    report = apply_topics(bootstrap, specs, alter_settings=alter_settings, security=security)
    for name in report.created:
        say(f"created {name}")
    for name in report.altered:
        say(f"altered {name}")
    say(f"{len(report.created)} created, {len(report.verified)} as declared already")


@topics.command(name="list")
@PARTITIONS
@REPLICATION
@APP_ID
def list_topics(partitions: int, replication: int, app_id: str) -> None:
    """Print the declaration: each topic with its key, partitions, replication and settings."""
    from events.topics import declared_topics

    for spec in declared_topics(partitions=partitions, replication=replication, app_id=app_id):
        settings = " ".join(f"{name}={value}" for name, value in sorted(spec.config.items()))
        say(
            f"{spec.name} key={spec.key!r} partitions={spec.partitions}"
            f" replication={spec.replication} {settings}"
        )


class OneOf(click.ParamType):
    """A word of a closed list, whose module is imported when one is read."""

    def __init__(self, name: str, module: str) -> None:
        self.name = name.upper()
        self._enum = (module, name)

    def convert(
        self,
        value: Any,  # noqa: ANN401 - as click has it
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401 - a member of the list
        """Read a word; refuse what is none of the list's."""
        module, name = self._enum
        words = getattr(import_module(module), name)
        try:
            return words(value)
        except ValueError:
            self.fail(f"{value!r} is none of {', '.join(words)}", param, ctx)


class UserType(click.ParamType):
    """A user as the broker names it: `User:worker`; the kind may be left out."""

    name = "USER"

    def convert(
        self,
        value: Any,  # noqa: ANN401 - as click has it
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str:
        """Complete a name; refuse `User:*`, which would be everybody."""
        user = str(value).removeprefix("User:")
        if user in ("", "*"):
            self.fail(f"{value!r} is no user: write its name, or User:NAME", param, ctx)
        return f"User:{user}"


@topics.command()
@click.option(
    "--role",
    "roles",
    multiple=True,
    type=OneOf("Role", "events.access_rights"),
    help="What a user is there for; repeatable.",
)
@click.option(
    "--family",
    "families",
    multiple=True,
    type=OneOf("Family", "events.fact"),
    help="What a producer publishes; repeatable.",
)
@click.option("--principal", type=UserType(), help="The broker's name of a user.")
@click.option(
    "--revoke-others", is_flag=True, help="Take back what the user may do beyond these roles."
)
@BROKER
@APP_ID
def acl(
    *,
    roles: tuple[Role, ...],
    families: tuple[Family, ...],
    principal: str | None,
    revoke_others: bool,
    bootstrap: str,
    app_id: str,
) -> None:
    """Give a user of the broker the rights of its roles, or show rights.

    With a role and a user the user is given what it lacks; done twice, nothing. With a role alone
    its rights are printed, and no broker is asked; with a user alone, or with neither, what the
    broker has. To ask the broker and to give takes a super user.

    The roles: producer, gateway, worker, assessor, reader, clerk, deployer, observer.
    """
    from events.access_granting import give_rights, held_rights
    from events.access_rights import rights_of_roles
    from events.broker import BrokerSecurity

    rights = rights_of_roles(roles, families=families, app_id=app_id)
    if roles and principal is None:
        _tell_declared(roles, rights)
        return
    _quiet_client()
    security = BrokerSecurity.from_environment(os.environ)
    if roles and principal is not None:
        report = give_rights(
            bootstrap, principal, rights, revoke_others=revoke_others, security=security
        )
        _tell_given(report, revoked=revoke_others)
        return
    for grant in held_rights(bootstrap, principal=principal, security=security):
        say(grant)


def _tell_declared(roles: Iterable[Role], rights: Iterable[Right]) -> None:
    from events.access_rights import describe_role

    for role in roles:
        say(f"# {role}: {describe_role(role)}")
    for right in rights:
        say(f"{right.kind} {right.name}: {', '.join(right.operations)}")


def _tell_given(report: GrantsReport, *, revoked: bool) -> None:
    for grant in report.given:
        say(f"given: {grant}")
    for grant in report.others:
        say(f"{'taken back' if revoked else 'beyond these roles'}: {grant}")
    say(f"{len(report.given)} given, {len(report.held)} held already")


@click.command()
@click.argument("file", type=click.File("rb"), default="-")
@BROKER
@click.option(
    "--mode",
    type=click.Choice(["structured", "binary"]),
    default="structured",
    show_default=True,
    help="How the events are laid out in Kafka records.",
)
@click.option(
    "--allow-refused",
    is_flag=True,
    help="Exit status 0 where lines were refused, and all others taken.",
)
@through_the_door
def emit(
    file: BinaryIO, bootstrap: str, mode: str, *, allow_refused: bool, door: DoorChoice | None
) -> None:
    """Publish the CloudEvents of FILE (or standard input), one JSON object per line.

    They go to Kafka, or with --door through the producers' door. Each line is checked first. A
    refused line is told on standard error and stops nothing; the exit status is then 1, or 2 where
    the broker or the door failed. With --spool what the door does not take waits in a file, and is
    sent first by the next command with that file.
    """
    from events.broker import BrokerSecurity
    from events.emitting import Emission
    from events.emitting import emit as emit_lines
    from events.publisher import ContentMode, KafkaPublisher, Publisher, PublisherOptions

    def opened() -> Publisher:
        if door is not None:
            return door.publisher()
        security = BrokerSecurity.from_environment(os.environ)
        options = PublisherOptions(mode=ContentMode(mode))
        return KafkaPublisher(bootstrap, options=options, security=security)

    _quiet_client()
    emission = Emission()
    try:
        with opened() as publisher, _progress(file) as lines:
            emit_lines(lines, publisher, on_refused=_tell, emission=emission)
    finally:
        waiting = f", {emission.waiting} waiting" if emission.waiting else ""
        say(f"{emission.accepted} accepted, {emission.refused} refused{waiting}")
    if emission.waiting:
        say(f"the door takes no events now ({emission.waiting_for})", err=True)
    if emission.refused and not allow_refused:
        sys.exit(1)


def _tell(refused: RefusedLine) -> None:
    say(refused, err=True)


@contextmanager
def _progress(file: BinaryIO) -> Iterator[Iterable[bytes]]:
    """The lines of a file, with a bar on standard error where a person watches it."""
    if not sys.stderr.isatty():
        yield file
        return
    from rich.progress import wrap_file

    from boundary.screen import LegibleConsole

    with wrap_file(
        file,
        total=_size(file) or 0,
        description="emitting",
        console=LegibleConsole(stderr=True),
        transient=True,
    ) as watched:
        yield watched


def _size(file: BinaryIO) -> int | None:
    try:
        return os.fstat(file.fileno()).st_size
    except OSError:  # A pipe, or no real file: its length is not known.
        return None


def _quiet_client() -> None:
    # Errors reach the reader as one line of ours; the client's own account of each attempt is
    # for those who configure logging.
    logging.getLogger("kafka").addHandler(logging.NullHandler())


@click.command(
    add_help_option=False,  # The simulator's own.
    context_settings={"ignore_unknown_options": True},
    short_help="Write a simulated Région's events, one CloudEvent a line.",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def simulate(context: click.Context, arguments: tuple[str, ...]) -> None:
    """Hand over to the simulator, imported only when it is asked for."""
    from events.simulation.cli import simulate_command

    with simulate_command.make_context(
        context.info_name, list(arguments), parent=context.parent
    ) as simulating:
        simulate_command.invoke(simulating)


@click.command()
@click.argument("file", type=click.File("rb"), default="-")
@click.option(
    "--key",
    "key_file",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="The key's file, for its owner alone.",
)
@click.option("--new-key", metavar="ID", help="Make the key's file first, with an id such as k1.")
def pseudonymise(file: BinaryIO, key_file: Path, new_key: str | None) -> None:
    """Write the pseudonym of each line of FILE (or standard input), which identifies a person.

    With --new-key only a key is made; nothing is read. See docs/person-data.md for what to keep,
    and how a key is replaced.
    """
    from events.pseudonym import load_key, pseudonymise_lines, write_new_key

    if new_key is not None:
        write_new_key(key_file, new_key)
        return
    for pseudonym in pseudonymise_lines(file, load_key(key_file)):
        say(pseudonym)


@click.command()
@click.argument("url")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="How long an answer may take.",
)
def health(url: str, timeout: float) -> None:
    """Ask a worker, an assessor or the door how it is, at its /healthz or /readyz.

    For container engines, whose image has no other program that could. The exit status is 1 where
    there is no good answer.
    """
    from events.health import UnwellError, ask_health

    try:
        ask_health(url, seconds=timeout)
    except UnwellError as error:
        say(error, err=True)
        sys.exit(1)  # Engines keep 2 for themselves.


commands: list[click.Command] = [
    topics,
    emit,
    simulate,
    contracts,
    import_group,
    kubernetes,
    pseudonymise,
    *producers_commands,
    gateway,
    health,
]
