"""What a broker is started with, and the error where it cannot be."""

from pathlib import Path

import pytest

from boundary.errors import SmartRegionError
from operations.programs.kafka import Kafka, missing_requirement

#: Stands for Java: makes the data folder as the broker's tool does, and counts how often.
FORMATTING = """\
#!/bin/sh
mkdir -p "{data}" && touch "{data}/meta.properties" && echo once >> "{folder}/formatted"
"""
REFUSING = """\
#!/bin/sh
echo "Caused by: No space left on device"
echo "	at kafka.tools.StorageTool.main(StorageTool.scala)"; echo "	... 8 more"; echo; exit 1
"""


@pytest.fixture
def kafka(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kafka:
    distribution, folder = tmp_path / "kafka", tmp_path / "broker"
    (distribution / "target/jars").mkdir(parents=True)
    (distribution / "target/jars/kafka-server-4.4.0.jar").touch()
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    install_java(tmp_path, FORMATTING.format(data=folder / "data", folder=folder))
    return Kafka(folder, 9092, controller_port=9999, distribution=distribution)


def install_java(folder: Path, program: str) -> None:
    (folder / "java").write_text(program)
    (folder / "java").chmod(0o755)


def test_its_settings_say_where_it_listens_and_where_its_data_is(kafka: Kafka) -> None:
    kafka.prepare("listeners=OTHER://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}\n")

    lines = (kafka.folder / "server.properties").read_text().splitlines()
    assert "listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9999" in lines
    assert f"log.dirs={kafka.folder / 'data'}" in lines
    assert lines[-1] == "listeners=OTHER://127.0.0.1:9092,CONTROLLER://127.0.0.1:9999"
    assert kafka.command[-2:] == ["kafka.Kafka", str(kafka.folder / "server.properties")]


def test_its_data_is_found_again(kafka: Kafka) -> None:
    kafka.prepare()
    kafka.prepare()

    assert (kafka.folder / "formatted").read_text() == "once\n"


def test_a_data_folder_that_cannot_be_made_is_reported_in_one_line(
    kafka: Kafka, tmp_path: Path
) -> None:
    install_java(tmp_path, REFUSING)

    with pytest.raises(SmartRegionError, match=r"\(Caused by: No space left on device\): check"):
        kafka.prepare()


def test_without_jars_it_says_how_to_bring_them(kafka: Kafka) -> None:
    for jar in (kafka.distribution / "target/jars").iterdir():
        jar.unlink()

    with pytest.raises(SmartRegionError, match=r"no jars of Kafka in .*: run .*kafka/jars\.sh"):
        kafka.prepare()


def test_without_java_nothing_runs(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(kafka.folder))

    assert missing_requirement(kafka.distribution) == "there is no Java on the path"


def test_classes_are_read_from_an_archive_where_there_is_one(kafka: Kafka) -> None:
    archive = kafka.distribution / "target/classes.jsa"
    option = f"-XX:SharedArchiveFile={archive}"
    assert option not in kafka.command

    archive.touch()

    assert option in kafka.command


def test_a_machine_that_is_too_slow_is_an_error_of_ours(
    kafka: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operations.programs.kafka.FORMAT_SECONDS", 0.1)
    install_java(tmp_path, "#!/bin/sh\nexec sleep 30\n")

    with pytest.raises(SmartRegionError, match="not done within"):
        kafka.prepare()
