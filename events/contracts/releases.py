"""Released contracts: frozen schemas that every later version of the code must accept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from boundary.errors import SmartRegionError
from boundary.terminal import one_line
from events.contracts.compatibility import Breach, breaches
from events.contracts.json_schema import json_text, schema_file, schema_of
from events.fact import JSON
from events.registry import FACTS


class BrokenContractError(SmartRegionError):
    """Types whose schema refuses events that its released version accepts."""

    def __init__(self, broken: Mapping[str, tuple[Breach, ...]]) -> None:
        lines = "; ".join(f"{name}: {breach}" for name, found in broken.items() for breach in found)
        super().__init__(
            "contracts: would refuse yesterday's events, which were right when these types were"
            f" released ({lines}): open a v2 beside each (a fact of the same NAME with"
            " VERSION = 2), or take the change back"
        )


@dataclass(frozen=True, slots=True)
class ContractComparison:
    """The comparison of current contracts with released ones."""

    kept: tuple[str, ...]
    """Types that accept every event of their released version."""
    broken: Mapping[str, tuple[Breach, ...]]
    """Types that do not, with their stricter rules."""
    unreleased: tuple[str, ...]
    """Types that are not released yet."""
    changed: tuple[str, ...]
    """Compatible types with a changed schema, to be released again."""


def compare(folder: Path) -> ContractComparison:
    """Return the comparison of registered facts with a folder's schemas, by file name.

    Raises SmartRegionError if a file cannot be read.
    """
    kept: list[str] = []
    changed: list[str] = []
    broken: dict[str, tuple[Breach, ...]] = {}
    files = {file.stem: file for file in sorted(folder.glob("*.json"))}
    for name, file in files.items():
        frozen = _read(file)
        found = _breaches_of(name, frozen)
        if found:
            broken[name] = found
            continue
        kept.append(name)
        if frozen != schema_of(FACTS[name]):
            changed.append(name)
    unreleased = tuple(name for name in FACTS if name not in files)
    return ContractComparison(tuple(kept), broken, unreleased, tuple(changed))


def release(folder: Path) -> tuple[str, ...]:
    """Write the current schemas to a folder's files; return the new or changed types.

    Raises BrokenContractError without writing anything if a schema is not compatible.
    """
    comparison = compare(folder)
    if comparison.broken:
        raise BrokenContractError(comparison.broken)
    folder.mkdir(parents=True, exist_ok=True)
    changed = []
    for name, fact in FACTS.items():
        file, text = folder / schema_file(fact), json_text(schema_of(fact))
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            changed.append(name)
    return tuple(changed)


def _breaches_of(name: str, released: Mapping[str, JSON]) -> tuple[Breach, ...]:
    fact = FACTS.get(name)
    if fact is None:
        return (Breach("type", "is no longer an event type"),)
    return breaches(released, schema_of(fact))


def _read(file: Path) -> dict[str, JSON]:
    try:
        return TypeAdapter(dict[str, JSON]).validate_json(file.read_bytes())
    except (OSError, ValueError) as error:
        cause = one_line(str(error))
        raise SmartRegionError(
            f"contracts: not a released schema, value {str(file)!r} ({cause}): bring it back from"
            " the history; it is never edited"
        ) from None
