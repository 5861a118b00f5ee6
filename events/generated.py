"""What follows from the facts, topics and roles, as it lies in a clone of the project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from boundary.generated_files import GeneratedFiles
from events.contracts.render import RELEASED, contracts_page
from events.kubernetes.render import Site, render

__all__ = ["generated"]


def generated(root: Path) -> Iterator[GeneratedFiles]:
    """Give the page of the contracts, and Strimzi's resources."""
    contracts = root / "docs/contracts"
    released = {file.stem for file in (contracts / RELEASED).glob("*.json")}
    yield GeneratedFiles(contracts, {"README.md": contracts_page(released)})
    yield GeneratedFiles(root / "deploy/kubernetes/kafka", render(Site()))
