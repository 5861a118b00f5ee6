"""The source of histories that the settings name."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from boundary.addresses import UnusableAddressError
from boundary.errors import SmartRegionError
from boundary.serving import ServingFileError
from boundary.settings import variable
from catalogue.model import Catalogue
from streams.assessor.source import HistorySource
from streams.queries.addresses import parse_workers
from streams.queries.collector import CollectorPlan, collecting
from streams.settings import Settings

__all__ = ["WorkersAddressError", "collector_plan", "open_histories"]


class WorkersAddressError(SmartRegionError):
    """The workers may not be asked at the addresses that the settings name."""

    def __init__(self, error: UnusableAddressError) -> None:
        super().__init__(
            f"{variable('workers')}: {error.problem}, value {error.shown!r}: use https, or set"
            f" {variable('workers_plain_http')}=true where the network is yours alone"
        )


@contextmanager
def open_histories(settings: Settings, catalogue: Catalogue) -> Iterator[HistorySource]:
    """Yield the workers' histories where the settings name workers, else the changelogs.

    Raises as `collector_plan` and `open_changelogs`.
    """
    if settings.workers:
        with collecting(catalogue, collector_plan(settings)) as collector:
            yield collector
    else:
        # Kafka's clients take most of a start, and workers are asked without.
        from streams.changelog_reader import open_changelogs  # noqa: PLC0415 - see above

        with open_changelogs(settings, catalogue) as changelog_reader:
            yield changelog_reader


def collector_plan(settings: Settings) -> CollectorPlan:
    """Return whom to ask and how.

    Raises WorkersAddressError, and as `Settings.histories_guard` where a file cannot be used.
    """
    addresses = parse_workers(settings.workers or "")
    token_file = settings.histories_guard().file
    try:
        addresses.check(secret=token_file is not None, plain_http=settings.workers_plain_http)
    except UnusableAddressError as error:
        raise WorkersAddressError(error) from error
    return CollectorPlan(
        addresses,
        settings.partitions,
        token_file=token_file,
        tls=None if settings.workers_cafile is None else _context(settings.workers_cafile),
        plain_http=settings.workers_plain_http,
        hold_seconds=settings.history_hold,
    )


def _context(file: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=file)
    except OSError as error:
        problem = error.strerror if not isinstance(error, ssl.SSLError) else "no PEM certificate"
        raise ServingFileError("workers_cafile", file, problem=problem or str(error)) from error
