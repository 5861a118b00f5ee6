"""Clients generated from the contracts as a producer would, and the programs to do so."""

import os
from collections.abc import Mapping
from pathlib import Path

from gateway.documents import document_files
from tests.support.commands import captured
from tests.support.requirements import give_up, require_programs

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / "tests" / "clients"
"""The programs, and what they and the generators need: see tests/packages.sh."""
NODE_MODULES = CLIENTS / "node_modules"
JAVA_PACKAGES = CLIENTS / "target" / "java"
GENERATOR = CLIENTS / "target" / "generator" / "openapi-generator-cli.jar"
SECONDS = 240.0
#: For short-lived programs: the compiler for long-lived ones costs more than it saves.
SHORT = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


def require_generators() -> None:
    """Give up if generators, compilers or their dependencies are missing."""
    require_programs("java", "javac", "node", remedy="run tests/packages.sh tests/clients")
    if not (GENERATOR.exists() and NODE_MODULES.exists()):
        give_up("generators of clients are missing: run tests/packages.sh tests/clients")


def run(
    *command: str | Path, folder: Path, env: Mapping[str, str] | None = None, stdin: str = ""
) -> str:
    """Run a program to its end and return its output; if it fails, fail with all of its output."""
    done = captured(
        command, cwd=folder, env={**os.environ, **(env or {})}, input=stdin, timeout=SECONDS
    )
    assert done.returncode == 0, f"{command[0]}: {done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def generate(generator: str, folder: Path, *options: str) -> Path:
    """Generate a client from openapi.json with openapi-generator; return its folder."""
    client = folder / "client"
    document_files(folder / "contracts").write()
    document = folder / "contracts" / "openapi.json"
    command = ("java", *SHORT, "-jar", GENERATOR, "generate", "-g", generator)
    run(*command, "-i", document, "-o", client, *options, folder=folder)
    return client


def compile_java(folder: Path, *sources: Path) -> dict[str, str]:
    """Compile these files and folders; return the environment that makes them available."""
    files = [file for source in sources for file in sorted(source.rglob("*.java")) or [source]]
    (folder / "sources").write_text("\n".join(map(str, files)), encoding="utf-8")
    classes = folder / "classes"
    packages = f"{JAVA_PACKAGES}/*"
    compiler = ("javac", *(f"-J{option}" for option in SHORT))
    options = ("-proc:none", "-nowarn", "-encoding", "UTF-8", "-cp", packages, "-d", classes)
    run(*compiler, *options, "@sources", folder=folder)
    return {"CLASSPATH": f"{classes}{os.pathsep}{packages}"}


def java(program: str, *, folder: Path, env: Mapping[str, str], stdin: str = "") -> str:
    """Run a compiled program; `env` is the result of `compile_java` and the program's variables."""
    return run("java", *SHORT, program, folder=folder, env=env, stdin=stdin)
