"""The peers: other stream processors and bare loops, and the worker, with what each has to show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import Final

from broker.reading import read_topics
from events.topics import topic_name
from tests.bench.application import Application
from tests.bench.engines import BARE, IDIOMATIC, ROOT, Monitor, Rival, Trial
from tests.bench.stage import Stage

FOLDER = Path(__file__).parent
ENVIRONMENT = ROOT / "build" / "peers"
STREAMS = FOLDER / "kafka-streams" / "target"


class WrongChangelogError(Exception):
    """An engine says that it is done, and its changelog does not have every entity."""

    def __init__(self, name: str, *, keys: int, entities: int) -> None:
        super().__init__(f"{name}: {keys} keys on the changelog of {entities} entities")


@dataclass(frozen=True, slots=True)
class Peer:
    """An engine whose changelog, where it has one, is read after each run."""

    engine: Rival | Monitor
    restores: bool = True
    """False: it only writes its changelog."""
    changelog: Callable[[Application], str] | None = attrgetter("changelog")
    """None: the log of events is its only state."""
    needs: Path | None = None
    """A folder that `packages.sh` fills."""

    @property
    def name(self) -> str:
        return self.engine.name

    @property
    def events(self) -> int | None:
        """How many of a workload's events it is given; None: all."""
        return self.engine.events

    @property
    def installed(self) -> bool:
        return self.needs is None or (self.needs / "done").exists()

    def run(self, stage: Stage, application: Application, folder: Path) -> Trial:
        """Run the engine, and count what is on its changelog.

        Raises WrongChangelogError where that is not each entity.
        """
        trial = self.engine.run(stage, application, folder)
        if self.changelog is None:
            return trial
        written, keys = 0, set()
        for record in read_topics(application.bootstrap, topics=[self.changelog(application)]):
            written += 1
            keys.add(record.key)
        entities = stage.entities(application)
        if len(keys) != entities:
            raise WrongChangelogError(self.name, keys=len(keys), entities=entities)
        return replace(trial, written=written)


def _kafka_streams(name: str, cache: str) -> Peer:
    classes = f"{STREAMS}/last-value.jar:{STREAMS}/jars/*"
    return Peer(
        Rival(name, ("java", "-Xmx1g", "-cp", classes, "LastValue", cache)),
        changelog=lambda application: f"{application.app_id}-latest-changelog",
        needs=STREAMS,
    )


def _python(name: str, module: str) -> Rival:
    return Rival(name, (str(ENVIRONMENT / "bin" / "python"), "-m", f"tests.bench.peers.{module}"))


PEERS: Final[tuple[Peer, ...]] = (
    Peer(IDIOMATIC),
    Peer(
        _python("Quix Streams", "quix"),
        changelog=lambda application: (
            f"changelog__{application.app_id}--{topic_name(application.family)}--default"
        ),
        needs=ENVIRONMENT,
    ),
    _kafka_streams("Kafka Streams, record cache", "cached"),
    _kafka_streams("Kafka Streams, no record cache", "uncached"),
    Peer(BARE, restores=False),
    Peer(_python("bare librdkafka loop", "librdkafka"), restores=False, needs=ENVIRONMENT),
    Peer(Monitor(), changelog=None),
)
"""The first is the one that the others are compared with."""
