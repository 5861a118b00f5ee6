"""The command `smart-region audit`."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from boundary.terminal import echo, echo_lines
from broker.options import BROKER
from events.options import KNOWN_ON, day_option, folder_option

if TYPE_CHECKING:
    from audit.recount import Audit
    from streams.histories import ExactPersons
    from streams.settings import Settings

DIFFERS: Final = 1
NOT_MADE: Final = 3
"""Exit status where nothing could be compared; 2 is for a wrong command or setting."""


@click.command()
@day_option("--as-of", help="Count as of this day, YYYY-MM-DD.")
@KNOWN_ON
@click.option(
    "--against",
    "urls",
    multiple=True,
    metavar="URL",
    help="Compare with this worker's /metrics; give every worker of the monitor, or"
    " dns+http://NAME:PORT for all addresses of a name.",
)
@click.option(
    "--plain-http",
    is_flag=True,
    help="Send the workers' tokens to http:// on a network that is yours alone.",
)
@BROKER
@folder_option(
    "--work-folder",
    metavar="FOLDER",
    help="Where to keep what does not fit into memory; default SMART_REGION_WORK_FOLDER.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def audit(
    *,
    as_of: datetime | None,
    known_on: datetime | None,
    urls: tuple[str, ...],
    plain_http: bool,
    bootstrap: str | None,
    work_folder: Path | None,
    as_json: bool,
) -> None:
    """Recount every figure from the raw topics.

    It takes another road than the worker's. Without --as-of the day is the worker's where there
    is one to compare with, else the clock's. The exit status is 1 where a worker differs, 2
    where the command or a setting is wrong, and 3 where the audit cannot be made: the broker or
    a worker cannot be read, or there is no room. Workers expose nothing about persons: these are
    compared with the workers' /histories, for which SMART_REGION_HISTORIES_TOKEN_FILE is needed.
    """
    from audit.comparison import compare_exposed, incomparable_reasons, workers_day
    from audit.exposed import addresses_of, read_worker
    from audit.recount import audit_records
    from audit.report import audit_document, print_audit
    from boundary.screen import LegibleConsole
    from boundary.work_folder import WorkFolder
    from broker.reading import Extent, read_topics
    from catalogue.loader import load_catalogue
    from streams.decisions import read_decisions
    from streams.settings import load_settings

    if urls and known_on is not None:
        raise click.UsageError("a worker has all records: leave out --known-on or --against")
    settings = load_settings(broker=bootstrap, work_folder=work_folder)
    token, security = settings.metrics_token(), settings.security()
    catalogue = load_catalogue(settings.catalogue)
    rules = settings.record_rules()
    work = WorkFolder(settings.work_folder, settings.work_mb)
    extent = Extent()
    with _made_or_not():
        # Before all is read: a wrong address or folder shows now.
        work.check()
        urls = tuple(one for url in urls for one in addresses_of(url))
        workers = [read_worker(url, token=token, plain_http=plain_http) for url in urls]
        if as_of is not None:
            day = as_of.date()
        else:
            day = workers_day(workers) if workers else settings.make_clock().today()
        counted = audit_records(
            read_topics(
                settings.broker, security=security, extent=extent, partitions=settings.partitions
            ),
            catalogue,
            day,
            known_on.date() if known_on is not None else None,
            partitions=settings.partitions,
            work=work,
            skipped=read_decisions(settings.broker, security=security).skipped,
            rules=rules,
        )
        comparison = None
        if urls:
            workers = [read_worker(url, token=token, plain_http=plain_http) for url in urls]
            persons = None
            if not any(incomparable_reasons(counted.as_of, workers)):
                persons = _persons(settings, counted, urls, plain_http=plain_http)
            comparison = compare_exposed(counted, workers, persons)
        if as_json:
            document = audit_document(counted, comparison, extent)
            echo_lines(json.dumps(document, indent=2, ensure_ascii=False))
        else:
            print_audit(counted, LegibleConsole(highlight=False), comparison, extent)
    if comparison is not None and comparison.differences:
        sys.exit(DIFFERS)


def _persons(
    settings: Settings, counted: Audit, urls: Sequence[str], *, plain_http: bool
) -> ExactPersons | None:
    """Count what is published in cells in the workers' histories; None where nothing is.

    Raises as `read_histories`.
    """
    from audit.exposed import base_url
    from streams.assessor.judgeable_catalogue import judgeable_catalogue
    from streams.histories import exact_persons
    from streams.queries.opening import read_histories

    catalogue = counted.catalogue
    if not catalogue.person_parts:
        return None
    # Only these: the other figures are compared with what the workers expose.
    measures = [catalogue.indicator(one).measure for one in catalogue.person_parts]
    needed = {term for measure in measures for term in measure.terms}
    protected = judgeable_catalogue(
        catalogue, [one for one in catalogue.terms if one not in needed]
    )
    asking = settings.model_copy(
        update={
            "workers": ",".join(map(base_url, urls)),
            "workers_plain_http": plain_http or settings.workers_plain_http,
        }
    )
    return exact_persons(read_histories(asking, protected), protected, counted.as_of)


@contextmanager
def _made_or_not() -> Iterator[None]:
    """Exit with NOT_MADE if the audit fails: status 1, also that of a traceback, means differences.

    A setting that is wrong has the status 2, as everywhere.
    """
    from boundary.errors import SmartRegionError
    from broker.errors import TopicMismatchError

    try:
        yield
    except TopicMismatchError:
        raise
    except SmartRegionError as error:
        echo(f"Error: {' '.join(str(error).split())}", err=True)
        sys.exit(NOT_MADE)
    except BrokenPipeError:
        raise  # Whoever reads the output has gone: every command ends so.
    except Exception:  # noqa: BLE001 - shown with its traceback: it is a programmer's
        echo_lines(traceback.format_exc(), err=True)
        sys.exit(NOT_MADE)
    except KeyboardInterrupt:
        echo("Aborted: nothing was compared", err=True)
        sys.exit(NOT_MADE)
