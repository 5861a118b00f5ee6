"""From the catalogue to the files of Prometheus and Alertmanager, all of them or none."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from boundary.errors import SmartRegionError
from boundary.generated_files import GeneratedFiles
from catalogue.contacts import Contacts
from catalogue.model import Catalogue
from dashboards.conventions import GENERATED, Links
from dashboards.rules.alertmanager import alertmanager_document
from dashboards.rules.building import AlertBuilder
from dashboards.rules.model import RuleGroup, rule_document
from dashboards.rules.pace import PACES, Pace
from dashboards.rules.pipeline import pipeline_group
from dashboards.rules.promises import promises_group
from dashboards.rules.recording import figures_group, memory_group
from dashboards.rules.scraping import Access, prometheus_document
from dashboards.rules.yaml_text import yaml_text

CHECK_SECONDS: Final = 60.0
"""Far more than a check of some hundred kilobytes takes."""

_CHECKS: Final = (
    # The files that it names are where Prometheus runs; the rules are checked by the next.
    ("promtool", "check", "config", "--syntax-only", "prometheus/prometheus.yaml"),
    ("promtool", "check", "rules", "--lint-fatal"),
    ("amtool", "check-config", "alertmanager/alertmanager.yaml"),
)
_RULES: Final = "prometheus/rules/*.yaml"


def check_files(folder: Path) -> tuple[str, ...]:
    """Check the files in a folder; returns the names of the tools that are not installed.

    Raises SmartRegionError with what a tool printed.
    """
    missing: dict[str, None] = {}
    for tool, *arguments in _CHECKS:
        program = shutil.which(tool)
        if program is None:
            missing[tool] = None
            continue
        files = sorted(folder.glob(_RULES)) if arguments[1] == "rules" else []
        try:
            done = subprocess.run(  # noqa: S603 - the tool, on files of our own
                [program, *arguments, *map(str, files)],
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
                timeout=CHECK_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise SmartRegionError(
                f"rules: {tool} did not end within {CHECK_SECONDS:g} s, and nothing was written:"
                " run the command again when this machine has less to do"
            ) from error
        if done.returncode != 0:
            raise SmartRegionError(
                f"rules: {tool} refuses them, and nothing was written:"
                f" {(done.stdout + done.stderr).strip()}: correct the catalogue or the contacts, or"
                " report it"
            )
    return tuple(missing)


TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class MonitorSite:
    """Where the monitor runs, and who receives alerts; addresses are HOST:PORT."""

    pace: Pace = PACES["steady"]
    links: Links = field(default_factory=Links)
    contacts: Contacts = field(default_factory=Contacts)
    workers: tuple[str, ...] = ("worker-1:6066", "worker-2:6066")
    assessors: tuple[str, ...] = ("assessor:6067",)
    gateways: tuple[str, ...] = ("gateway:6071",)
    pages: tuple[str, ...] = ("page:6072",)
    alertmanagers: tuple[str, ...] = ("alertmanager:9093",)
    access: Access = field(default_factory=Access)


def groups(catalogue: Catalogue, site: MonitorSite) -> Mapping[str, RuleGroup]:
    """Return the groups of rules, each by the name of its file."""
    build = AlertBuilder(site.pace, site.links)
    return {
        "figures": figures_group(catalogue),
        "memory": memory_group(),
        "promises": promises_group(build, catalogue),
        "pipeline": pipeline_group(build, catalogue),
    }


def render(catalogue: Catalogue, site: MonitorSite) -> Mapping[str, str]:
    """Return the content of every file, by its path in the folder that `write` is given."""
    prometheus = prometheus_document(
        site.pace,
        workers=site.workers,
        assessors=site.assessors,
        gateways=site.gateways,
        pages=site.pages,
        alertmanagers=site.alertmanagers,
        access=site.access,
    )
    alertmanager = alertmanager_document(catalogue, site.contacts, site.pace)
    files = {"prometheus/prometheus.yaml": yaml_text(prometheus, GENERATED)}
    for name, group in groups(catalogue, site).items():
        files[f"prometheus/rules/{name}.yaml"] = yaml_text(rule_document(group), GENERATED)
    files["alertmanager/alertmanager.yaml"] = yaml_text(alertmanager, GENERATED)
    for template in sorted(TEMPLATES.glob("*.tmpl")):
        text = template.read_text(encoding="utf-8")
        files[f"alertmanager/templates/{template.name}"] = f"{{{{/* {GENERATED} */}}}}\n{text}"
    return files


def rule_files(files: Mapping[str, str], folder: Path) -> GeneratedFiles:
    """Return the files of a folder, which then has no other rules and no other templates."""
    return GeneratedFiles(
        folder, files, ours=("prometheus/rules/*.yaml", "alertmanager/templates/*.tmpl")
    )


def checked(files: Mapping[str, str]) -> tuple[str, ...]:
    """Check the files with Prometheus' own tools; the names of those that are not installed.

    Raises SmartRegionError.
    """
    with TemporaryDirectory() as draft:
        rule_files(files, Path(draft)).write()
        return check_files(Path(draft))


def write(files: Mapping[str, str], folder: Path) -> tuple[str, ...]:
    """Check the files with Prometheus' own tools, then put them in their places in a folder.

    Returns the names of the tools that are not installed and so did not check. Raises as `checked`,
    or SmartRegionError; then the folder is as it was. Each file is replaced at once, so that a
    Prometheus that reloads never reads half of one.
    """
    missing = checked(files)
    try:
        _replace(files, folder)
    except OSError as error:
        raise SmartRegionError(
            f"{folder}: cannot be written ({error}): name another folder with --out"
        ) from error
    return missing


def _replace(files: Mapping[str, str], folder: Path) -> None:
    """Write everything beside its path first, where the disk may be full; then move it there."""
    written: list[tuple[Path, Path]] = []
    try:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_name(f".{path.name}.new")
            written.append((beside, path))
            beside.write_text(text, encoding="utf-8")
        for beside, path in written:
            beside.replace(path)
    finally:
        for beside, _ in written:
            beside.unlink(missing_ok=True)
