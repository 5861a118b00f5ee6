"""Assembles the image's content: an interpreter, packages, the libraries they use, and no shell.

    assemble.py runtime PACKAGES ROOT      # write the interpreter, a user, and PACKAGES
    assemble.py application PACKAGES ROOT  # write PACKAGES, and the command smart-region
    assemble.py start RUNTIME APPLICATION  # write nothing: start the image made of both roots

PACKAGES is a folder filled by `pip install --target`. Everything in ROOT has its path in the image.
The script runs in the build stage of the Dockerfile, and in the tests without a container engine.
Files are dated by SOURCE_DATE_EPOCH, and compiled without dates, so that the same input gives the
same files.
"""

from __future__ import annotations

import compileall
import os
import shutil
import ssl
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from py_compile import PycInvalidationMode

#: The image's user; other images without a shell use the same number.
USER = 65532
#: Debian's openssl looks here by default.
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")

#: Parts of the standard library for interactive use, for tests, and for installing packages.
LEFT_OUT = (
    "__pycache__",
    "config-*",
    "ensurepip",
    "idlelib",
    "lib2to3",
    "pydoc_data",
    "site-packages",
    "test",
    "tkinter",
    "turtledemo",
    "_tkinter*",
    "_test*",
    "xxlimited*",
    # Terminals, sound and directories of the nineties, each with its own libraries.
    "_curses*",
    "nis.*",
    "ossaudiodev.*",
    "readline.*",
)

PYTHON = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
STANDARD_LIBRARY = Path(sysconfig.get_path("stdlib"))
SITE_PACKAGES = STANDARD_LIBRARY / "site-packages"

#: What must load before the image is published: each of our processes, each client's codecs, and
#: the typesetter of the note.
STARTED = (
    "import cramjam, lz4.frame, ssl, typst, zstandard;"
    " import gateway.server, sources.client.kafka, sources.harvest.dcat;"
    " import sources.relay.outbox;"
    " import streams.assessor.process, audit.recount, report.process, streams.worker"
)

# -I: neither the environment nor the user's home changes what is imported.
LAUNCHER = f"""\
#!{PYTHON} -I
import sys

from smart_region import main

sys.exit(main())
"""


def assemble_runtime(packages: Path, root: Path) -> None:
    """Copy the interpreter, its library, packages and shared libraries; and name the user."""
    _copy_file(PYTHON, root)
    shutil.copytree(
        STANDARD_LIBRARY,
        _inside(root, STANDARD_LIBRARY),
        ignore=shutil.ignore_patterns(*LEFT_OUT),
        symlinks=True,
    )
    _copy_packages(packages, root)
    objects = [PYTHON, *_shared_objects(STANDARD_LIBRARY), *_shared_objects(packages)]
    # Packages include some libraries; a thread that ends by pthread_exit loads one by name.
    libraries = {
        library
        for library in _libraries(objects) | _libraries([PYTHON], preload="libgcc_s.so.1")
        if not library.is_relative_to(packages)
    }
    (root / "usr/lib").mkdir(parents=True, exist_ok=True)
    for library in sorted(libraries):
        _copy_file(library, root)
        # Without an rpath, and without the loader's cache, an interpreter finds its library here.
        if not str(library).startswith(("/lib", "/usr/lib")):
            (root / "usr/lib" / library.name).symlink_to(library)
    _copy_package_records(libraries, root)

    _copy_file(Path("/etc/os-release"), root)
    _copy_file(CERTIFICATES, root)
    where_openssl_looks = _inside(root, Path(ssl.get_default_verify_paths().openssl_cafile))
    where_openssl_looks.parent.mkdir(parents=True, exist_ok=True)
    where_openssl_looks.symlink_to(CERTIFICATES)
    _write(root / "etc/passwd", f"smart-region:x:{USER}:{USER}::/nonexistent:/nonexistent\n")
    _write(root / "etc/group", f"smart-region:x:{USER}:\n")
    # Writable for everybody: a volume mounted on one for the first time takes over its mode.
    for folder in ("tmp", "data"):
        (root / folder).mkdir()
        (root / folder).chmod(0o1777)
    _finish(root)


def assemble_application(packages: Path, root: Path) -> None:
    """Copy our own packages, and write the command."""
    _copy_packages(packages, root)
    _write(root / "usr/local/bin/smart-region", LAUNCHER, mode=0o755)
    _finish(root)


def start_image(runtime: Path, application: Path) -> None:
    """Start the command and load every program, as the image's user, in a root with nothing else.

    Fails the build if one of them fails, so that a missing library is found here and not in a
    container.
    """
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        for part in (runtime, application):
            shutil.copytree(part, root, symlinks=True, dirs_exist_ok=True)
        for command in (
            ("/usr/local/bin/smart-region", "catalogue", "check"),
            (str(PYTHON), "-I", "-B", "-c", STARTED),
        ):
            done = subprocess.run(
                ["chroot", f"--userspec={USER}:{USER}", root, *command],
                env={"PATH": "/usr/local/bin", "HOME": "/nonexistent"},
                executable=shutil.which("chroot"),
                check=False,
            )
            if done.returncode != 0:
                sys.exit(f"the image does not start: {' '.join(command)}: {done.returncode}")


def _copy_packages(packages: Path, root: Path) -> None:
    # Without the packages' commands: the image has only one command.
    ignore = shutil.ignore_patterns("__pycache__", "bin")
    shutil.copytree(packages, _inside(root, SITE_PACKAGES), ignore=ignore)


def _shared_objects(folder: Path) -> Iterator[Path]:
    left_out = shutil.ignore_patterns(*LEFT_OUT)
    for path in sorted(folder.rglob("*.so*")):
        if not left_out(str(folder), list(path.relative_to(folder).parts)):
            yield path


def _libraries(objects: Iterable[Path], *, preload: str = "") -> set[Path]:
    """Return the files that the loader would load."""
    done = subprocess.run(
        ["ldd", *objects],
        env={"PATH": os.environ["PATH"], **({"LD_PRELOAD": preload} if preload else {})},
        capture_output=True,
        text=True,
        check=True,
    )
    if "not found" in done.stdout:
        sys.exit(f"a library is missing:\n{done.stdout}")
    # With several files, each has a heading line that ends with a colon.
    lines = (line for line in done.stdout.splitlines() if not line.endswith(":"))
    return {Path(word) for line in lines for word in line.split() if word.startswith("/")}


def _copy_file(source: Path, root: Path) -> None:
    """Copy a file under its own name, whatever links lead to it."""
    target = _inside(root, source)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o755 if os.access(source, os.X_OK) else 0o644)


def _copy_package_records(libraries: Iterable[Path], root: Path) -> None:
    """Copy the status and the licences of the libraries' Debian packages to where scanners look."""
    names = set()
    for library in libraries:
        # The package lists /lib or /usr/lib, which are the same folder.
        for path in (library, library.resolve(), Path(str(library.resolve()).removeprefix("/usr"))):
            owner = _output("dpkg-query", "--search", str(path))
            if owner:
                names.add(owner.partition(":")[0])
                break
    for name in sorted(names):
        _write(root / "var/lib/dpkg/status.d" / name, _output("dpkg-query", "--status", name))
        _copy_file(Path("/usr/share/doc") / name / "copyright", root)


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _finish(root: Path) -> None:
    """Compile, and make every file readable for everybody and equally dated."""
    compileall.compile_dir(
        _inside(root, STANDARD_LIBRARY),
        quiet=2,
        workers=0,
        stripdir=str(root),
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
    )
    date = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    for path in [*root.rglob("*"), root]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | 0o444 | (0o111 if path.is_dir() else 0))
        os.utime(path, (date, date), follow_symlinks=False)


def _write(path: Path, text: str, *, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def _inside(root: Path, path: Path) -> Path:
    """Return where a path of the image is while the image is assembled."""
    return root / path.relative_to("/")


if __name__ == "__main__":
    {"runtime": assemble_runtime, "application": assemble_application, "start": start_image}[
        sys.argv[1]
    ](Path(sys.argv[2]).resolve(), Path(sys.argv[3]).resolve())
