"""The idiomatic Faust agent: one event, one table write. A program of its own."""

from __future__ import annotations

import asyncio
import tempfile
from typing import Any

import faust

from boundary.logs import configure_logging
from events.cloudevent import decode
from events.topics import topic_name
from tests.bench.application import Application, Restoring, Stopwatch


def create_app(application: Application, done: asyncio.Event, stopwatch: Stopwatch) -> faust.App:
    """Return an app as Faust's documentation writes one; `done` is set at the last event."""
    family = application.family
    app = faust.App(
        application.app_id,
        broker=f"kafka://{application.bootstrap}",
        store="memory://",
        topic_partitions=8,
        consumer_auto_offset_reset="earliest",
        # Nothing beside the work: no leader topic, no web server.
        topic_disable_leader=True,
        web_enabled=False,
        # Faust makes a folder where it starts, though the store is in memory.
        datadir=tempfile.gettempdir(),
    )
    topic = app.topic(topic_name(family), value_serializer="raw")
    latest: Any = app.Table(family.value, partitions=8)

    async def report_restored() -> None:
        Restoring.ended()
        Restoring.counted(len(latest))

    latest.on_recover(report_restored)

    @app.agent(topic)
    async def keep_latest(stream: Any) -> None:  # noqa: ANN401 - Faust's stream
        count = 0
        async for event in stream.events():
            stopwatch.start()
            read = decode(event.message.headers, event.value, family=family)
            latest[read.fact.entity_id] = {
                "time": read.time.isoformat(),
                "day": read.fact.effective_day.isoformat(),
                **read.fact.attributes(),
            }
            count += 1
            if count == application.events:
                done.set()

    return app


async def main() -> None:
    configure_logging("warning", "text")
    done, stopwatch = asyncio.Event(), Stopwatch()
    app = create_app(Application.from_arguments(), done, stopwatch)
    running = asyncio.create_task(app.start())
    await done.wait()
    await app.producer.flush()
    stopwatch.stop()
    await running
    # Offsets are committed by Faust's own timer, which the parent waits for.
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
