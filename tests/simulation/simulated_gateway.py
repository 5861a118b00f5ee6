"""The gateway in the simulation: the real one, from its connections to its Kafka client."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from time import time
from typing import TYPE_CHECKING, Any, Final

from gateway import server
from gateway.settings import load_gateway_settings
from tests.simulation.loop import SimulationLoop
from tests.simulation.stand_ins import Listening
from tests.simulation.supervised import Supervised

if TYPE_CHECKING:
    from events.producers.model import Producers
    from events.producers.secrets import Secrets

_HOST: Final = "127.0.2.1"
_PORT, _PROBE_PORT = 6070, 6071
URL: Final = f"http://{_HOST}:{_PORT}"
#: Shorter than the shipped ones, as all times of the simulation are.
DELIVERY_SECONDS, STOP_SECONDS = 3.0, 4


class SimulatedGateway(Supervised):
    """A gateway before the cluster."""

    def __init__(
        self,
        *,
        bootstrap: str,
        producers: Producers,
        secrets: Secrets,
        loop: SimulationLoop,
        note: Callable[[str], None],
    ) -> None:
        super().__init__("gateway", loop=loop, note=note)
        self._producers = producers
        self._secrets = secrets
        self._settings = load_gateway_settings(
            broker=bootstrap,
            gateway_delivery_timeout=DELIVERY_SECONDS,
            gateway_stop_timeout=STOP_SECONDS,
        )

    async def work(self) -> None:
        """Run the gateway until it ends."""
        listeners: Any = tuple(Listening(self._loop, _HOST, port) for port in (_PORT, _PROBE_PORT))
        await server._serve(self._settings, self._producers, self._secrets, None, listeners)


def let_gateways_run() -> None:
    """Give gateways the clocks of their processes."""

    def now() -> datetime:
        return datetime.fromtimestamp(time(), UTC)

    server._now = now
