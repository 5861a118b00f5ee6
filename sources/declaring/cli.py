"""The command `smart-region producers new`."""

from __future__ import annotations

from pathlib import Path

import click

from boundary.terminal import echo

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(name="new")
@click.option(
    "--id",
    "producer_id",
    prompt="Its id (lower-case letters, digits and -)",
    metavar="ID",
    help="Its id, such as lycees.",
)
@click.option(
    "--contact",
    prompt="Who answers questions about its events: an address, a team",
    metavar="TEXT",
    help="Who answers questions about its events: an address, a team.",
)
@click.option(
    "--types",
    prompt="The facts it may send, as school.* or grant.paid",
    metavar="FACTS",
    help="The facts it may send: school.*,grant.paid",
)
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="URI",
    help="The `source` of its events.  [default: urn:iledefrance:ID]",
)
@click.option(
    "--owns",
    default="all",
    show_default=True,
    metavar="PARTS",
    help="The part of these facts that only it may report: all, none, D77,D93 or ARCEP-*",
)
@click.option(
    "--scheme",
    type=click.Choice(["bearer", "signature"]),
    default="bearer",
    show_default=True,
    help="A token in each request, or a secret that signs each and is never sent.",
)
@click.option(
    "--producers",
    "declaration",
    type=FILE,
    envvar="SMART_REGION_PRODUCERS",
    show_envvar=True,
    default="producers.yaml",
    show_default=True,
    metavar="FILE",
    help="The declaration to add it to; created where there is none.",
)
@click.option(
    "--secrets",
    type=FILE,
    envvar="SMART_REGION_GATEWAY_SECRETS",
    show_envvar=True,
    default="secrets.yaml",
    show_default=True,
    metavar="FILE",
    help="The file of secrets to add its secret to; created where there is none.",
)
def new_producer(
    *,
    producer_id: str,
    contact: str,
    types: str,
    sources: tuple[str, ...],
    owns: str,
    scheme: str,
    declaration: Path,
    secrets: Path,
) -> None:
    """Declare a producer, and write its secret and a first event to try.

    Prompts for its id, its contact and its facts where no option has them; change the rest, such
    as its title and its quota, in the declaration. Existing files keep their lines and comments.
    The secret is in a file that only you can read, and is not shown. Restart every program with the
    new declaration.
    """
    from events.producers.tokens import Scheme, issue
    from sources.declaring.new_producer import declare, parts_of, shares_of
    from streams.settings import load_settings

    facts = parts_of(types)
    owned = shares_of(parts_of(owns), facts)
    entry = {
        "id": producer_id,
        "title": producer_id,
        "contact": contact,
        "sources": [*sources] or [f"urn:iledefrance:{producer_id}"],
        "types": facts,
        **({"owns": owned} if owned else {}),
        "quota": {"events_per_second": 100, "burst": 1_000},
        "expected_every": "monthly",
    }
    issued = issue(producer_id, Scheme(scheme))
    now = load_settings().make_clock().now()
    for line in declare(entry, issued, declaration=declaration, secrets=secrets, now=now):
        echo(line, err=True)
