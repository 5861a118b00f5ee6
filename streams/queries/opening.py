"""The workers that the settings name, and their histories."""

from __future__ import annotations

import ssl
from contextlib import AbstractContextManager
from pathlib import Path
from time import monotonic
from typing import Final

from boundary.addresses import UnusableAddressError
from boundary.errors import SmartRegionError
from boundary.serving import ServingFileError
from boundary.settings import variable
from catalogue.model import Catalogue
from streams.dated_sums import DatedSums
from streams.queries.addresses import parse_workers
from streams.queries.collector import CollectorPlan, HistoriesCollector, collecting
from streams.settings import Settings

LOOPBACK: Final = "127.0.0.1"


class HistoriesIncompleteError(SmartRegionError):
    """The workers did not provide the histories of all partitions."""

    def __init__(self, missing: str) -> None:
        super().__init__(
            f"{variable('workers')}: the workers did not send {missing}: see each worker's /readyz"
        )


def open_histories(
    settings: Settings, catalogue: Catalogue
) -> AbstractContextManager[HistoriesCollector]:
    """Return a context with a collector of the histories. Raises the errors of `collector_plan`."""
    return collecting(catalogue, collector_plan(settings))


def read_histories(settings: Settings, catalogue: Catalogue) -> DatedSums:
    """Return the workers' histories of all partitions, as of the call or later.

    Raises HistoriesIncompleteError if the histories are incomplete after the request timeout, and
    the errors of `collector_plan`.
    """
    with open_histories(settings, catalogue) as collector:
        began = monotonic()
        while (missing := missing_of(collector)) is not None:
            waited = monotonic() - began
            if waited > settings.request_timeout:
                raise HistoriesIncompleteError(f"{missing} ({waited:.0f} s)")
            collector.poll()
        if unknown := collector.unknown():
            workers = ", ".join(sorted(set(unknown.values())))
            raise HistoriesIncompleteError(f"what the catalogue of {workers} does not have")
        return collector.sums


def missing_of(collector: HistoriesCollector) -> str | None:
    """Return which histories are missing; None once every worker has sent all of its own.

    Does not wait for later changes: with an event each second, that would never end.
    """
    waiting_for, awaited = collector.waiting_for(), collector.awaited()
    if waiting_for is None and awaited:
        return f"the histories of {awaited} more of them"
    return waiting_for


def collector_plan(settings: Settings) -> CollectorPlan:
    """Return the workers to query, and how.

    Raises SmartRegionError, also for an unusable file.
    """
    if settings.workers is None and not settings.http_port:
        raise SmartRegionError(
            f"{variable('workers')}: not set, and {variable('http_port')} is 0, so that the"
            " worker's port is unknown: name the workers, as http://HOST:PORT"
        )
    addresses = parse_workers(settings.workers or f"http://{LOOPBACK}:{settings.http_port}")
    token_file = settings.histories_guard().file
    try:
        addresses.check(secret=token_file is not None, plain_http=settings.workers_plain_http)
    except UnusableAddressError as error:
        raise SmartRegionError(
            f"{variable('workers')}: {error.problem}, value {error.shown!r}: use https, or set"
            f" {variable('workers_plain_http')}=true where the network is yours alone"
        ) from error
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
