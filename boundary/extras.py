"""Extras: packages that some commands need and an installation may lack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from boundary.errors import SmartRegionError

#: The Makefile's lists with an extra's packages, each pinned; run.txt has the others.
_LISTS: Final = {"demo": "demo"}


def install_remedy(extra: str) -> str:
    """Return how to install an extra: no package index has this project under its name."""
    return (
        f"`make .venv/{_LISTS.get(extra, 'run')}.stamp` in a clone installs it; beside the wheel"
        f' pip install "$(echo smart_region-*.whl)[{extra}]"'
    )


@contextmanager
def needs_extra(extra: str, *, needed_by: str) -> Iterator[None]:
    """Import an extra's modules within this context. Raises SmartRegionError if one is missing."""
    try:
        yield
    except ImportError as error:
        raise SmartRegionError(
            f"{needed_by}: needs the extra `{extra}`, which is not installed ({error}):"
            f" {install_remedy(extra)}"
        ) from error
