"""Archives the classes that Kafka loads, for faster starts: `python -m tests.kafka_classes F`."""

import sys
import tempfile
from datetime import date
from pathlib import Path

from broker.reading import read_topics
from broker.topic_admin import apply_topics
from events.topics import declared_topics
from operations.programs.kafka import QUICK_START
from tests.support.kafka import KafkaBroker
from tests.support.traffic import region, send


def archive(file: Path) -> None:
    """Run a broker with a little traffic; it writes the archive when it ends."""
    file.unlink(missing_ok=True)  # A JVM that reads an older archive writes no new one.
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        made = Path(folder) / file.name
        options = (*QUICK_START, f"-XX:ArchiveClassesAtExit={made}")
        broker = KafkaBroker(Path(folder) / "kafka", jvm_options=options)
        with broker:
            apply_topics(broker.bootstrap, declared_topics())
            send(broker.bootstrap, region(7, date(2016, 1, 1), date(2016, 1, 31)))
            list(read_topics(broker.bootstrap))
            broker.stop()
        made.rename(file)


if __name__ == "__main__":
    archive(Path(sys.argv[1]))
