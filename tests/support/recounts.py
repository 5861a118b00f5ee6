"""Workers on a real broker against an independent recount of the topics."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from audit.comparison import AuditComparison, compare_exposed
from audit.exposed import read_worker
from audit.recount import Audit, audit_records
from broker.reading import read_topics
from catalogue.loader import load_catalogue
from tests.support.traffic import wait_done
from tests.support.workers import Worker

LAST_DAY: Final = date(2020, 12, 31)
"""The day of the fixed clock of the tests' workers."""
PUBLISHED_DAY: Final = date(2020, 11, 30)
"""The day of the figures about persons published by then."""


def compare(audit: Audit, urls: Sequence[str]) -> AuditComparison:
    """Compare an audit with all workers of a monitor, except figures about persons."""
    return compare_exposed(audit, [read_worker(url) for url in urls])


def exact(bootstrap: str, *workers: Worker) -> Audit:
    """Wait until everything is committed; check that the workers' figures equal a recount's."""
    assert wait_done(bootstrap, seconds=90.0), "\n".join(worker.log[-3000:] for worker in workers)
    for worker in workers:
        worker.wait_ready()
    audit = audit_records(read_topics(bootstrap), load_catalogue(), LAST_DAY)
    comparison = compare(audit, [worker.url for worker in workers])
    assert comparison.differences == ()
    assert comparison.compared > 100
    return audit
