"""The rules that hold for every module of the packages, read from their source."""

import ast
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]

# Which of our packages a package may import: the way of the data, and never back.
MAY_IMPORT = {
    "events": {"events"},
    "catalogue": {"catalogue", "events"},
    "streams": {"streams", "catalogue", "events"},
    "dashboards": {"dashboards", "catalogue"},
}

# Parts of a declared distribution that is released in several.
PART_OF = {"pydantic_core": "pydantic"}

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
    """Name a file as it is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {
    module_name(path): ast.parse(path.read_text(encoding="utf-8"), str(path))
    for package in MAY_IMPORT
    for path in sorted((ROOT / package).rglob("*.py"))
} | {"smart_region": ast.parse((ROOT / "smart_region.py").read_text(encoding="utf-8"))}


def imported_roots(tree: ast.Module) -> set[str]:
    """Name the top-level packages that a module imports, anywhere in its text."""
    roots = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            roots |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            roots.add(node.module.partition(".")[0])
    return roots


def public_names(tree: ast.Module) -> set[str] | None:
    """Read `__all__`; None where it is missing."""
    for node in tree.body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List() as value)
                | ast.AnnAssign(target=ast.Name(id="__all__"), value=ast.List() as value)
            ):
                return set(ast.literal_eval(value))
    return None


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_go_one_way(package: str) -> None:
    """A package imports only those that the flow of data passes before it."""
    ours = MAY_IMPORT.keys() | {"smart_region", "tests"}
    wrong = {
        name: sorted(forbidden)
        for name, tree in MODULES.items()
        if name.partition(".")[0] == package
        and (forbidden := imported_roots(tree) & ours - MAY_IMPORT[package])
    }

    assert wrong == {}


def test_every_module_says_what_it_is() -> None:
    """A module starts with a docstring."""
    assert [name for name, tree in MODULES.items() if not ast.get_docstring(tree)] == []


def test_every_module_says_what_is_public() -> None:
    """A module that has more than a docstring has an `__all__`."""
    silent = [
        name for name, tree in MODULES.items() if len(tree.body) > 1 and public_names(tree) is None
    ]

    assert silent == []


def test_nothing_is_printed_by_the_packages() -> None:
    """Output goes through click, rich or a log."""
    printing = [
        f"{name}:{node.lineno}"
        for name, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]

    assert printing == []


def test_every_reader_says_what_becomes_of_transactions() -> None:
    """The clients' default is to read what was aborted."""
    silent = [
        f"{name}:{node.lineno}"
        for name, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and "KafkaConsumer" in {getattr(one, "id", "") for one in (node.func, *node.args)}
        and "isolation_level" not in {keyword.arg for keyword in node.keywords}
    ]

    assert silent == []


def test_what_is_imported_is_declared() -> None:
    """A package that we import is a dependency of ours, not only of a dependency."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"].values()
    declared = {
        canonicalize_name(Requirement(line).name)
        for lines in (project["dependencies"], *optional)
        for line in lines
    }
    distributions = packages_distributions()
    needed = {
        canonicalize_name(PART_OF.get(distribution, distribution))
        for tree in MODULES.values()
        for root in imported_roots(tree) - MAY_IMPORT.keys() - sys.stdlib_module_names
        for distribution in distributions[root]
    }

    assert sorted(needed - declared) == []


def test_nothing_happens_at_import() -> None:
    """Importing every module opens no socket, makes no Faust app and starts no thread."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *MODULES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
