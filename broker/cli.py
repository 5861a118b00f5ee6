"""The commands `smart-region topics …` and `kubernetes kafka`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from boundary.generated_files import GeneratedFiles
from boundary.terminal import echo
from broker.options import APP_ID, BROKER, PARTITIONS, REPLICATION, Parsed, one_of, quiet_client
from events.options import folder_option

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from broker.access_rights import GrantsReport, Right, Role
    from events.fact import Family
    from events.topics import TopicSpec


@click.group()
def topics() -> None:
    """Create, check or list the topics, and grant rights."""


@topics.command()
@BROKER
@PARTITIONS
@REPLICATION
@click.option(
    "--alter-settings",
    is_flag=True,
    help="Set the declared settings on existing topics, for instance after an upgrade.",
)
def apply(
    *,
    bootstrap: str | None,
    partitions: int | None,
    replication: int | None,
    alter_settings: bool,
) -> None:
    """Create the topics that are missing and check the others.

    Existing topics stay as they are; --alter-settings changes their settings, never partitions.
    """
    from broker.settings import load_broker_settings
    from broker.topic_admin import apply_topics

    quiet_client()
    settings = load_broker_settings(bootstrap)
    report = apply_topics(
        settings.broker,
        _declared(partitions=partitions, replication=replication),
        alter_settings=alter_settings,
        security=settings.security(),
    )
    for name in report.created:
        echo(f"created {name}")
    for name in report.altered:
        echo(f"altered {name}")
    echo(f"{len(report.created)} created, {len(report.verified)} as declared already")


@topics.command(name="list")
@PARTITIONS
@REPLICATION
def list_topics(**declared: Any) -> None:
    """Print the declaration of each topic.

    A declaration consists of the topic's key, partitions, replication and settings.
    """
    for spec in _declared(**declared):
        settings = " ".join(f"{name}={value}" for name, value in sorted(spec.config.items()))
        echo(
            f"{spec.name} key={spec.key!r} partitions={spec.partitions}"
            f" replication={spec.replication} {settings}"
        )


def _declared(**options: Any) -> Sequence[TopicSpec]:
    """Return the topics declared by the options, or else by the variables."""
    from broker.settings import load_topic_settings
    from events.topics import declared_topics

    settings = load_topic_settings(**options)
    return declared_topics(partitions=settings.partitions, replication=settings.replication)


def _principal(text: str) -> str:
    """Parse `User:worker`, with an optional prefix; `User:*` means everybody and is refused."""
    user = text.removeprefix("User:")
    if user in ("", "*"):
        message = f"{text!r} is not a user: write its name, or User:NAME"
        raise ValueError(message)
    return f"User:{user}"


@topics.command()
@click.option(
    "--role",
    "roles",
    multiple=True,
    type=one_of("Role", "broker.access_rights"),
    help="The purpose of a user; repeatable.",
)
@click.option(
    "--family",
    "families",
    multiple=True,
    type=one_of("Family", "events.fact"),
    help="A family that a producer publishes; repeatable.",
)
@click.option("--principal", type=Parsed("USER", _principal), help="The user's name on the broker.")
@click.option("--revoke-others", is_flag=True, help="Revoke all other rights of the user.")
@BROKER
@APP_ID
def acl(
    *,
    roles: tuple[Role, ...],
    families: tuple[Family, ...],
    principal: str | None,
    revoke_others: bool,
    bootstrap: str | None,
    app_id: str | None,
) -> None:
    """Grant the rights of roles to a user, or list rights.

    With a role and a user, grants the rights that the user lacks. With a role alone, prints its
    rights and needs no broker. With a user alone, or with neither, lists the rights on the broker.
    Granting and listing need a super user.

    The roles: producer, gateway, worker, page, reader, clerk, deployer, observer.
    """
    from broker.access_rights import give_rights, held_rights, rights_of
    from broker.settings import load_broker_settings, load_topic_settings

    app_id = load_topic_settings(app_id=app_id).app_id
    rights = rights_of(*roles, families=families, app_id=app_id)
    if roles and principal is None:
        _print_declared(roles, rights)
        return
    quiet_client()
    settings = load_broker_settings(bootstrap)
    security = settings.security()
    if roles and principal is not None:
        report = give_rights(
            settings.broker, principal, rights, revoke_others=revoke_others, security=security
        )
        _print_granted(report, revoked=revoke_others)
        return
    for grant in held_rights(settings.broker, principal=principal, security=security):
        echo(grant)


def _print_declared(roles: Iterable[Role], rights: Iterable[Right]) -> None:
    from broker.access_rights import declared_roles

    for role in roles:
        echo(f"# {role}: {declared_roles()[role].purpose}")
    for right in rights:
        echo(f"{right.kind} {right.name}: {', '.join(right.operations)}")


def _print_granted(report: GrantsReport, *, revoked: bool) -> None:
    for grant in report.given:
        echo(f"granted: {grant}")
    for grant in report.others:
        echo(f"{'revoked' if revoked else 'beyond these roles'}: {grant}")
    echo(f"{len(report.given)} granted, {len(report.held)} granted before")


def _publishers(
    context: click.Context, option: click.Parameter, values: tuple[str, ...]
) -> dict[str, frozenset[Family]]:
    """Return the families that each user publishes: `lycees=schools,equipment`.

    The families of a repeated user are combined.
    """
    from boundary.diagnostic import choose
    from events.fact import Family

    known = [family.value for family in Family]
    found: dict[str, frozenset[Family]] = {}
    for user, _, families in (value.partition("=") for value in values):
        for name in families.split(","):
            if name not in known:
                message = f"{name!r} is not a family of {user!r}: {choose(name, known)}"
                raise click.BadParameter(message, context, option)
        found[user] = found.get(user, frozenset()) | set(map(Family, families.split(",")))
    return found


@click.group()
def kubernetes() -> None:
    """Write resources for Strimzi and Prometheus' operator."""


@kubernetes.command()
@folder_option("--out", default="deploy/kubernetes/kafka", help="Where to write.")
@click.option("--cluster", metavar="NAME", help="Strimzi's Kafka; default kafka.")
@click.option(
    "--partitions", type=click.IntRange(1), help="Partitions of each event topic; default 8."
)
@click.option("--replication", type=click.IntRange(1), help="Copies of each record; default 3.")
@click.option("--app-id", metavar="ID", help="The workers' application, if not the default.")
@click.option(
    "--producer",
    "producers",
    multiple=True,
    metavar="USER=FAMILY,…",
    callback=_publishers,
    help="A user that publishes straight to Kafka, with its families; may be repeated.",
)
def kafka(*, out: Path, producers: dict[str, frozenset[Family]], **numbers_and_names: Any) -> None:
    """Write Strimzi's KafkaTopics and KafkaUsers.

    They are derived from the declared topics and roles. Environment variables do not affect them.
    """
    from broker.strimzi import StrimziSettings, render

    given = {name: value for name, value in numbers_and_names.items() if value is not None}
    files = render(StrimziSettings(producers=producers, **given))
    GeneratedFiles(out, files).write()
    echo(f"{out}: {len(files)} files")


commands: list[click.Command] = [topics, kubernetes]
