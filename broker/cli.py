"""The commands `smart-region topics …` and `kubernetes kafka`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from boundary.showing import say
from broker.options import APP_ID, BROKER, PARTITIONS, REPLICATION, OneOf, quiet_client
from broker.strimzi.cli import kubernetes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from broker.access_granting import GrantsReport
    from broker.access_rights import Right, Role
    from events.fact import Family
    from events.topics import TopicSpec

__all__ = ["commands"]


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
    *,
    bootstrap: str | None,
    partitions: int | None,
    replication: int | None,
    app_id: str | None,
    alter_settings: bool,
) -> None:
    """Create the topics that are missing and check the others.

    What is there is not altered; with --alter-settings its settings are, never its partitions.
    """
    from broker.settings import load_broker_settings
    from broker.topic_admin import apply_topics

    quiet_client()
    settings = load_broker_settings(bootstrap)
    report = apply_topics(
        settings.broker,
        _declared(partitions=partitions, replication=replication, app_id=app_id),
        alter_settings=alter_settings,
        security=settings.security(),
    )
    for name in report.created:
        say(f"created {name}")
    for name in report.altered:
        say(f"altered {name}")
    say(f"{len(report.created)} created, {len(report.verified)} as declared already")


@topics.command(name="list")
@PARTITIONS
@REPLICATION
@APP_ID
def list_topics(**declared: Any) -> None:
    """Print the declaration: each topic with its key, partitions, replication and settings."""
    for spec in _declared(**declared):
        settings = " ".join(f"{name}={value}" for name, value in sorted(spec.config.items()))
        say(
            f"{spec.name} key={spec.key!r} partitions={spec.partitions}"
            f" replication={spec.replication} {settings}"
        )


def _declared(**options: Any) -> Sequence[TopicSpec]:
    """Return the topics as the options declare them, else the variables."""
    from broker.settings import load_topic_settings
    from events.topics import declared_topics

    settings = load_topic_settings(**options)
    return declared_topics(
        partitions=settings.partitions, replication=settings.replication, app_id=settings.app_id
    )


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
    type=OneOf("Role", "broker.access_rights"),
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
    bootstrap: str | None,
    app_id: str | None,
) -> None:
    """Give a user of the broker the rights of its roles, or show rights.

    With a role and a user the user is given what it lacks; done twice, nothing. With a role alone
    its rights are printed, and no broker is asked; with a user alone, or with neither, what the
    broker has. To ask the broker and to give takes a super user.

    The roles: producer, gateway, worker, assessor, reader, clerk, deployer, observer.
    """
    from broker.access_granting import give_rights, held_rights
    from broker.access_rights import rights_of_roles
    from broker.settings import load_broker_settings, load_topic_settings

    app_id = load_topic_settings(app_id=app_id).app_id
    rights = rights_of_roles(roles, families=families, app_id=app_id)
    if roles and principal is None:
        _tell_declared(roles, rights)
        return
    quiet_client()
    settings = load_broker_settings(bootstrap)
    security = settings.security()
    if roles and principal is not None:
        report = give_rights(
            settings.broker, principal, rights, revoke_others=revoke_others, security=security
        )
        _tell_given(report, revoked=revoke_others)
        return
    for grant in held_rights(settings.broker, principal=principal, security=security):
        say(grant)


def _tell_declared(roles: Iterable[Role], rights: Iterable[Right]) -> None:
    from broker.access_rights import describe_role

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


commands: list[click.Command] = [topics, kubernetes]
