"""The image without an engine: the Dockerfile's own steps, and a root that is read-only."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import venv
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from tests.support.commands import captured
from tests.support.requirements import give_up, require_programs

USER: Final = 65532
_PROJECT: Final = Path(__file__).parents[2]
_DOCKERFILE: Final = _PROJECT / "deploy" / "docker" / "Dockerfile"
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
        path = _PROJECT / source
        if path.is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(path, target, ignore=ignore, dirs_exist_ok=True)
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
