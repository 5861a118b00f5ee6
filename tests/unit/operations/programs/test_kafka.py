"""What a broker is started with, and the error where it cannot be."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from boundary.errors import SmartRegionError
from operations.programs.kafka import Kafka, missing_requirement

#: Stands for Java: makes the data folder as the broker's tool does.
FORMATTING = '#!/bin/sh\nmkdir -p "{data}" && touch "{data}/meta.properties"\n'
REFUSING = """\
#!/bin/sh
echo "Caused by: No space left on device"
echo "	at kafka.tools.StorageTool.main(StorageTool.scala)"; echo "	... 8 more"; echo; exit 1
"""


@pytest.fixture
def distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    jars = tmp_path / "kafka/target/jars"
    jars.mkdir(parents=True)
    (jars / "kafka-server-4.4.0.jar").touch()
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    install_java(tmp_path, FORMATTING.format(data=tmp_path / "broker/data"))
    return tmp_path / "kafka"


@pytest.fixture
def make(distribution: Path, tmp_path: Path) -> Callable[..., Kafka]:
    folder = tmp_path / "broker"
    return partial(Kafka, folder, 9092, 9999, logs=folder, distribution=distribution)


def install_java(folder: Path, program: str) -> None:
    (folder / "java").write_text(program)
    (folder / "java").chmod(0o755)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("java", "problem"),
    [
        (REFUSING, r"\(Caused by: No space left on device\): check"),
        ("#!/bin/sh\nexec sleep 30\n", "not done within"),
    ],
)
def test_a_data_folder_that_cannot_be_made_is_reported_in_one_line(
    make: Callable[..., Kafka],
    java: str,
    problem: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("operations.programs.kafka.FORMAT_SECONDS", 1)
    install_java(tmp_path, java)

    with pytest.raises(SmartRegionError, match=problem):
        make()


def test_what_is_missing_is_named(
    make: Callable[..., Kafka],
    distribution: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    (distribution / "target/jars/kafka-server-4.4.0.jar").unlink()
    with pytest.raises(SmartRegionError, match=r"no jars of Kafka in .*: run .*kafka/jars\.sh"):
        make()

    monkeypatch.setenv("PATH", str(tmp_path / "broker"))
    assert missing_requirement(distribution) == "there is no Java on the path"


def test_classes_are_read_from_an_archive_where_there_is_one(
    make: Callable[..., Kafka], distribution: Path
) -> None:
    option = f"-XX:SharedArchiveFile={distribution / 'target/classes.jsa'}"
    assert option not in make()._command

    (distribution / "target/classes.jsa").touch()

    assert option in make()._command
