"""A gateway before the tests' broker, and its producers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from events.producers.model import Producer, Quota
from tests.support.children import environment_variables
from tests.support.gateway import PRODUCER
from tests.support.gateways import Credentials, Gateway, issue_credentials
from tests.support.producers import UNLIMITED, declared, producer

_TEN = Quota(events_per_second=10, burst=10)
PRODUCERS = (
    producer(PRODUCER, "/lycees", types=("school.connected", "school.closed"), quota=UNLIMITED),
    producer("subventions", "/subventions", types=("grant.*",), quota=_TEN),
    producer("prives", "/lycees/prives", types=("school.connected",), quota=_TEN),
    producer("mairies", "/mairies", types=("school.closed",), quota=UNLIMITED),
    producer("hopitaux", "/hopitaux", types=("school.closed",), quota=UNLIMITED),
)
"""Those of `tests.support.gateway` without limits, and others."""


def new_gateway(
    bootstrap: str, folder: Path, *producers: Producer, **settings: str
) -> tuple[Gateway, Credentials]:
    """Return a gateway that is not started, and the credentials of the first of its producers.

    They are PRODUCERS by default. Settings are named as in `gateway.settings`.
    """
    producers = producers or PRODUCERS
    credentials = issue_credentials(producers[0].id, folder)
    variables = environment_variables({"producers": str(declared(folder, *producers)), **settings})
    gateway = Gateway(bootstrap, folder, secrets=credentials.file, settings=variables)
    return gateway, credentials


@contextmanager
def running_gateway(
    bootstrap: str, folder: Path, *, haproxy: Mapping[str, str] | None = None, **settings: str
) -> Iterator[tuple[Gateway, Credentials]]:
    """Yield a gateway that accepts events, and a producer's credentials.

    With variables for HAProxy, which may be none, it stands before the gateway.
    """
    behind = {} if haproxy is None else {"gateway_haproxy": str(folder)}
    gateway, credentials = new_gateway(bootstrap, folder, **behind, **settings)
    with gateway, ExitStack() as stack:
        if haproxy is not None:
            stack.enter_context(gateway.behind_haproxy(folder, **haproxy))
        yield gateway, credentials
