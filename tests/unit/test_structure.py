"""The rules that hold for every module of the packages, read from their source."""

import ast
import re
import sys
import tomllib
from collections import Counter
from functools import cache
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.commands import captured

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

# Our packages, in the order in which each may import those before it.
PACKAGES = (
    "boundary",
    "events",
    "broker",
    "catalogue",
    "streams",
    "gateway",
    "dashboards",
    "report",
    "sources",
    "audit",
    "operations",
    "simulation",
)
ARROW = re.compile(r"^ *(\w+) --> (\w+)$", re.MULTILINE)

#: Calls that write on a terminal, each past what makes foreign text legible.
WRITES = {"print", "click.echo", "click.secho", "click.echo_via_pager", "click.confirm"}
WRITES |= {"click.prompt", "rich.print", "traceback.print_exc", "Console", "Pretty"}

#: Modules that hold a standard stream, and why each may.
HOLDS_A_STREAM = {
    "simulation.cli": "hands it to the legible console",
    "sources.harvest.dcat_document": "is a child process, and answers its parent by it",
    "streams.worker": "only flushes it",
}

#: Calls that could send a secret past what keeps it on its way.
ASKS = {"urlopen", "build_opener", "requests.get", "requests.post", "requests.request"}
ASKS |= {"requests.Session"}
ASKS |= {"ClientSession", "HTTPSConnection", "httpx.get", "httpx.Client", "httpx.AsyncClient"}

#: What makes a session of its own, and has to be given the client in its place.
MAKES_A_SESSION = {"GrafanaAPI"}

#: Modules that read the environment, and what each reads there.
READS_THE_ENVIRONMENT = {
    "boundary.http_client": "the authorities of HTTPS servers, as other clients do",
    "boundary.postgres": "libpq's variables, where it is told of a database",
    "boundary.settings": "every program's settings",
    "boundary.tracing": "OpenTelemetry's variables, which its SDK reads",
    "dashboards.grafana": "Grafana's token",
    "operations.programs.program": "all of it, for a child process",
}

#: Libraries whose private names are used, and their distributions.
PINNED = {"aiokafka": "aiokafka", "faust": "faust-streaming", "kafka": "kafka-python"}

#: Public, although they begin as private names do.
OF_NAMED_TUPLES = {"_replace", "_asdict", "_fields", "_make"}

# Parts of a declared distribution that is released in several.
PART_OF = {"pydantic_core": "pydantic"}
#: Packages that many distributions share.
NAMESPACES = {"opentelemetry"}

IMPORT_ALL = """
import gc, importlib, socket, sys, threading

def refuse(*args, **kwargs):
    raise AssertionError("a socket was used while modules were imported")

socket.socket.connect = socket.socket.bind = refuse
for name in sys.argv[1:]:
    importlib.import_module(name)

import faust
apps = [thing for thing in gc.get_objects() if isinstance(thing, faust.App)]
assert not apps, f"{apps} were made while modules were imported"
assert threading.active_count() == 1, threading.enumerate()
"""


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, ast.Module]:
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return {
        module_name(path): ast.parse(path.read_text(encoding="utf-8"), str(path))
        for path in (*paths, ROOT / "smart_region.py")
    }


@cache
def outside() -> list[str]:
    return [name for name in modules() if not name.startswith("boundary")]


@cache
def used() -> dict[str, set[str]]:
    """Return what each module calls, or passes on to be called."""
    return {
        name: {
            ast.unparse(node)
            for node in ast.walk(tree)
            if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load)
        }
        for name, tree in modules().items()
    }


def imported_roots(tree: ast.Module) -> set[str]:
    roots = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            roots |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            roots.add(node.module.partition(".")[0])
    return roots


def may_import() -> dict[str, set[str]]:
    """Read from the picture which packages each may import: those that its arrows lead to."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    arrows: dict[str, set[str]] = {package: set() for package in PACKAGES}
    for package, other in ARROW.findall(page):
        arrows[package].add(other)
    reached: dict[str, set[str]] = {}
    for package in PACKAGES:
        reached[package] = arrows[package].union(*(reached[other] for other in arrows[package]))
    return reached


def imported_packages(package: str) -> set[str]:
    ours = {*PACKAGES, "smart_region", "tests"} - {package}
    return {
        root
        for name, tree in modules().items()
        if name.partition(".")[0] == package
        for root in imported_roots(tree) & ours
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_go_one_way(package: str) -> None:
    assert imported_packages(package) <= may_import()[package]


def test_the_picture_has_no_arrow_too_many() -> None:
    """Each stands for an import, and none says what two others do."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    reached = may_import()
    arrows = ARROW.findall(page)
    needless = [
        (package, other)
        for package, other in arrows
        if other not in imported_packages(package)
        or any(other in reached[between] for whose, between in arrows if whose == package)
    ]

    assert arrows
    assert needless == []


def test_a_name_is_that_of_one_class() -> None:
    names = Counter(
        node.name
        for tree in modules().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    )

    assert [name for name, count in names.items() if count > 1] == []


def test_what_is_shown_is_made_legible() -> None:
    """Output goes through `boundary`, or a log: foreign text does nothing to a terminal."""
    # An annotation names Rich's console, and calls nothing.
    writing = [
        f"{name}:{node.lineno}"
        for name in outside()
        for node in ast.walk(modules()[name])
        if isinstance(node, ast.Call)
        and {ast.unparse(one) for one in (node.func, *node.args)} & WRITES
    ]

    assert writing == []


@pytest.mark.slow
def test_no_standard_stream_is_written_past_it() -> None:
    """Only asked whether a person watches; who holds one is named here."""
    holding = {name for name in outside() if written_streams(modules()[name])}

    assert holding == HOLDS_A_STREAM.keys()


def written_streams(tree: ast.Module) -> set[str]:
    """Return the standard streams that are used for more than to ask whether a person watches."""
    asked = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "isatty"
    }
    return {
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and ast.unparse(node) in {"sys.stdout", "sys.stderr"}
        and id(node) not in asked
    }


def test_secrets_are_sent_one_way() -> None:
    """Requests go through `boundary`, with its client also where a library makes them."""
    asking = {name: found for name in outside() if (found := used()[name] & ASKS)}
    unbounded = {
        name
        for name in outside()
        if used()[name] & MAKES_A_SESSION and "HttpClient" not in used()[name]
    }

    assert (asking, unbounded) == ({}, set())


def test_no_table_of_ours_has_a_formula() -> None:
    """Who writes CSV passes each cell through `boundary`."""
    writing = {name for name, names in used().items() if names & {"csv.writer", "csv.DictWriter"}}
    unguarded = {name for name in writing if "plain_cell" not in used()[name]}

    # PILOTE's cells are codes, days and numbers.
    assert unguarded == {"sources.importing.pilote"}


def test_files_are_made_private_one_way() -> None:
    """Who chooses a new file's rights does it in `boundary`."""
    choosing = re.compile(r"os\.(open|umask|fchmod)|.+\.chmod")

    assert {name for name in outside() if any(map(choosing.fullmatch, used()[name]))} == set()


def test_settings_are_read_in_one_place() -> None:
    """A second reading would have other defaults, checks and messages."""
    reading = {name for name, names in used().items() if names & {"os.environ", "os.getenv"}}

    assert reading == READS_THE_ENVIRONMENT.keys()


def test_every_reader_says_what_becomes_of_transactions() -> None:
    """The clients' default is to read what was aborted."""
    silent = [
        f"{name}:{node.lineno}"
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and "KafkaConsumer" in {getattr(one, "id", "") for one in (node.func, *node.args)}
        and "isolation_level" not in {keyword.arg for keyword in node.keywords}
    ]

    assert silent == []


def uses_private_names(name: str, tree: ast.Module) -> bool:
    """Return whether a module uses, overrides or replaces private names of PINNED libraries."""
    if not imported_roots(tree) & PINNED.keys():
        return False
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="self" | "cls")):
                continue
            case ast.Attribute(attr=attr, ctx=ast.Load()) if re.match(r"_[^_]", attr):
                if attr not in OF_NAMED_TUPLES:
                    return True
    module = import_module(name)
    return any(
        attr.startswith("_") and not attr.startswith("__") and attr in vars(base)
        for one in vars(module).values()
        if isinstance(one, type) and one.__module__ == name
        for base in one.__mro__
        if base.__module__.partition(".")[0] in PINNED
        for attr in vars(one)
    )


def test_readme_names_the_modules_that_use_private_names() -> None:
    """An upgrade of a library with private names in use is read there first."""
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    [paragraph] = re.findall(r"^Private names of .*?\n\n", page, re.MULTILINE | re.DOTALL)
    named = {path.replace("/", ".") for path in re.findall(r"`([\w/]+)\.py`", paragraph)}

    assert named == {name for name, tree in modules().items() if uses_private_names(name, tree)}


def test_libraries_whose_private_names_are_used_are_pinned() -> None:
    """To one release each: any other may have renamed them."""
    pins = {one.name: str(one.specifier) for one in map(Requirement, PROJECT["dependencies"])}

    for distribution in PINNED.values():
        assert re.fullmatch(r"==\d+\.\d+\.\d+", pins[distribution]), distribution


@pytest.mark.slow
def test_what_is_imported_is_declared() -> None:
    """A package that we import is a dependency of ours, not only of a dependency."""
    optional = PROJECT["optional-dependencies"].values()
    declared = {
        canonicalize_name(Requirement(line).name)
        for lines in (PROJECT["dependencies"], *optional)
        for line in lines
    }
    distributions = packages_distributions()
    needed = {
        canonicalize_name(PART_OF.get(distribution, distribution))
        for tree in modules().values()
        for root in imported_roots(tree) - {*PACKAGES, *NAMESPACES} - sys.stdlib_module_names
        for distribution in distributions[root]
    }

    assert sorted(needed - declared) == []


@pytest.mark.slow
def test_nothing_happens_at_import() -> None:
    """Importing every module opens no socket, makes no Faust app and starts no thread."""
    done = captured([sys.executable, "-c", IMPORT_ALL, *modules()], cwd=ROOT)

    assert done.returncode == 0, done.stderr
