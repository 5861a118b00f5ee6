"""The source of histories that the settings name."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from boundary.addresses import UnusableAddressError
from boundary.errors import SmartRegionError
from boundary.serving import ServingFileError
from boundary.settings import variable
from catalogue.model import Catalogue
from streams.dated_sums import DatedSums
from streams.queries.addresses import parse_workers
from streams.queries.collector import CollectorPlan, HistoriesCollector, collecting
from streams.queries.source import HistorySource
from streams.settings import Settings


class WorkersAddressError(SmartRegionError):
    """The workers may not be asked at the addresses that the settings name."""

    def __init__(self, error: UnusableAddressError) -> None:
        super().__init__(
            f"{variable('workers')}: {error.problem}, value {error.shown!r}: use https, or set"
            f" {variable('workers_plain_http')}=true where the network is yours alone"
        )


class HistoriesIncompleteError(SmartRegionError):
    """The workers did not tell the histories of all partitions."""

    def __init__(self, missing: str) -> None:
        super().__init__(
            f"{variable('workers')}: the workers did not tell {missing}: see what each worker's"
            " /readyz says, or unset it to read the changelogs"
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


def read_histories(
    settings: Settings,
    catalogue: Catalogue,
    *,
    on_overdue: Callable[[int], None] | None = None,
) -> DatedSums:
    """Return the histories of all partitions, at least as they were when this began.

    They are the workers' where the settings name workers, else those of the changelogs. Workers
    tell how many records of events they are late with: `on_overdue` is called where some are.
    Raises HistoriesIncompleteError where workers do not tell them within the request timeout, and
    as `collector_plan` and `read_changelogs`.
    """
    if not settings.workers:
        from streams.changelog_reader import read_changelogs  # noqa: PLC0415 - see above

        return read_changelogs(settings, catalogue)
    with collecting(catalogue, collector_plan(settings)) as collector:
        began = monotonic()
        while (missing := missing_of(collector)) is not None:
            waited = monotonic() - began
            if waited > settings.request_timeout:
                raise HistoriesIncompleteError(f"{missing} ({waited:.0f} s)")
            collector.poll(timeout=settings.request_timeout)
        if unknown := collector.unknown():
            workers = ", ".join(sorted(set(unknown.values())))
            raise HistoriesIncompleteError(f"what the catalogue of {workers} does not have")
        if on_overdue is not None and (records := collector.overdue()):
            on_overdue(records)
        return collector.sums


def missing_of(collector: HistoriesCollector) -> str | None:
    """Return what has not been told yet; None once every worker has told all that it holds.

    What changes meanwhile is not waited for: where an event a second comes, that has no end.
    """
    waiting_for, awaited = collector.waiting_for(), collector.awaited()
    if waiting_for is None and awaited:
        return f"the histories of {awaited} more of them"
    return waiting_for


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
