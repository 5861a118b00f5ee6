"""What keeps the demo from running."""

from __future__ import annotations

from collections.abc import Sequence

from boundary.errors import SmartRegionError

__all__ = ["BrokerEndedError", "DemoError", "TopicsInUseError"]


class DemoError(SmartRegionError):
    """The demo cannot start, or cannot go on."""


class TopicsInUseError(DemoError):
    """The broker holds events already: simulated ones must not be mixed with them."""

    def __init__(self, bootstrap: str, topics: Sequence[str]) -> None:
        self.bootstrap = bootstrap
        self.topics = tuple(topics)
        super().__init__(
            f"broker: {bootstrap} already holds records on {', '.join(topics)}: the demo would mix"
            " simulated events with them; name a broker without them, delete these topics if an"
            " earlier demo left them, or leave --broker out"
        )


class BrokerEndedError(DemoError):
    """The demo's embedded broker ended by itself."""

    def __init__(self) -> None:
        super().__init__(
            "broker: the embedded broker ended by itself: start the demo again, and check that the"
            " machine has 500 MB of memory to spare"
        )
