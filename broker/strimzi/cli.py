"""The command `smart-region kubernetes kafka`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from boundary.terminal import echo

if TYPE_CHECKING:
    from collections.abc import Iterable

    from events.fact import Family

__all__ = ["kubernetes"]


class PublisherType(click.ParamType):
    """A user and the families that it publishes: `lycees=schools,equipment`."""

    name = "USER=FAMILY,…"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, frozenset[Family]]:
        """Return the user and its families; fail naming an unknown family."""
        from boundary.diagnostic import choose
        from events.fact import Family

        user, _, families = value.partition("=")
        known = [family.value for family in Family]
        for name in families.split(","):
            if name not in known:
                self.fail(
                    f"{name!r} is not a family of {user!r}: {choose(name, known)}", param, ctx
                )
        return user, frozenset(map(Family, families.split(",")))


@click.group()
def kubernetes() -> None:
    """Write resources for the operators of a Kubernetes cluster."""


@kubernetes.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("deploy/kubernetes/kafka"),
    show_default=True,
    metavar="DIR",
    help="Where to write.",
)
@click.option("--cluster", metavar="NAME", help="Strimzi's Kafka; default kafka.")
@click.option(
    "--partitions", type=click.IntRange(1), help="Partitions of each event topic; default 8."
)
@click.option("--replication", type=click.IntRange(1), help="Copies of each record; default 3.")
@click.option("--app-id", metavar="ID", help="The workers' application, not the default.")
@click.option(
    "--producer",
    "producers",
    multiple=True,
    type=PublisherType(),
    help="A user that publishes straight to Kafka, with its families; may be repeated.",
)
def kafka(
    *,
    out: Path,
    cluster: str | None,
    partitions: int | None,
    replication: int | None,
    app_id: str | None,
    producers: tuple[tuple[str, frozenset[Family]], ...],
) -> None:
    """Write Strimzi's KafkaTopics and KafkaUsers, from the declared topics and roles.

    No variable of the environment changes what is written.
    """
    from broker.strimzi.render import StrimziSettings, render

    usual = StrimziSettings()
    site = StrimziSettings(
        cluster=cluster or usual.cluster,
        partitions=partitions or usual.partitions,
        replication=replication or usual.replication,
        app_id=app_id or usual.app_id,
        producers=_joined(producers),
    )
    files = render(site)
    out.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (out / name).write_text(text, encoding="utf-8")
    echo(f"{out}: {len(files)} files")


def _joined(
    producers: Iterable[tuple[str, frozenset[Family]]],
) -> dict[str, frozenset[Family]]:
    """Return the families of each user, those of a repeated user joined."""
    joined: dict[str, frozenset[Family]] = {}
    for user, families in producers:
        joined[user] = joined.get(user, frozenset()) | families
    return joined
