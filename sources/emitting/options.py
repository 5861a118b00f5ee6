"""The options of a command that may send through the gateway instead of to Kafka."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from events.options import file_option, stacked

if TYPE_CHECKING:
    from sources.client import GatewayPublisher, Publisher

OPTIONS = stacked(
    click.option(
        "--gateway",
        "--door",
        "url",
        metavar="URL",
        help="Send through the gateway there; --door is its former name.",
    ),
    file_option(
        "--secret",
        "secret_file",
        help="With --gateway: the token or the signing secret, in a file for its owner alone.",
    ),
    click.option("--producer", metavar="ID", help="With a signing secret: its producer."),
    click.option(
        "--plain-http",
        is_flag=True,
        help="With --gateway: send a token to http:// on a private network.",
    ),
)
SPOOL = file_option(
    "--spool", "spool_file", help="With --gateway: where events wait while it is unavailable."
)


@dataclass(frozen=True, slots=True)
class GatewayChoice:
    """A gateway, as the options name it."""

    url: str
    secret_file: Path
    producer: str | None
    plain_http: bool
    spool_file: Path | None = None

    def publisher(self) -> GatewayPublisher:
        """Return its publisher. Raises SmartRegionError."""
        # Slow to import, and needed only when the command runs.
        from sources.client import GatewayPublisher, Spool, load_credentials  # noqa: PLC0415

        credentials = load_credentials(self.secret_file, producer=self.producer)
        spool = Spool(self.spool_file) if self.spool_file is not None else None
        return GatewayPublisher(self.url, credentials, spool=spool, plain_http=self.plain_http)


def gateway_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, as its argument `gateway`; None without --gateway.

    There is no --spool: for commands that continue when they are run again.
    """

    @wraps(command)
    def with_gateway(
        *arguments: Any,
        url: str | None,
        secret_file: Path | None,
        producer: str | None,
        plain_http: bool,
        spool_file: Path | None = None,
        **others: Any,
    ) -> Any:  # noqa: ANN401 - the command's own
        needing = {
            "--secret": secret_file,
            "--producer": producer,
            "--spool": spool_file,
            "--plain-http": plain_http,
        }
        gateway = None
        if url is not None:
            if secret_file is None:
                raise click.UsageError("--gateway needs --secret FILE")
            gateway = GatewayChoice(url, secret_file, producer, plain_http, spool_file)
        elif given := [name for name, value in needing.items() if value]:
            raise click.UsageError(f"{given[0]} needs --gateway URL")
        return command(*arguments, gateway=gateway, **others)

    return OPTIONS(with_gateway)


#: The same and --spool: for commands whose events are kept nowhere else.
gateway_or_spool_options = stacked(gateway_options, SPOOL)


def destination_of(bootstrap: str | None, gateway: GatewayChoice | None) -> str:
    """Return the name of a destination, the same for the same brokers in any order.

    Imports and harvests note under it what they have sent.
    """
    from boundary.addresses import shown_address  # noqa: PLC0415
    from broker.settings import addresses_of, load_broker_settings  # noqa: PLC0415

    if gateway is not None:
        return shown_address(gateway.url)
    return ",".join(sorted(addresses_of(load_broker_settings(bootstrap).broker)))


def open_publisher(bootstrap: str | None, gateway: GatewayChoice | None) -> Publisher:
    """Return a publisher to a gateway; to Kafka without one.

    Either refuses what looks like a person's data.
    """
    from broker.settings import load_broker_settings  # noqa: PLC0415
    from sources.client import KafkaPublisher, SearchedPublisher  # noqa: PLC0415

    if gateway is not None:
        return gateway.publisher()
    settings = load_broker_settings(bootstrap)
    return SearchedPublisher(KafkaPublisher(settings.broker, security=settings.security()))
