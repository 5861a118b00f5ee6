"""The commands `smart-region worker` and `assessor`: the processes that serve figures."""

from __future__ import annotations

import sys

import click


@click.command()
def worker() -> None:
    """Run a worker, which turns events into figures.

    It is configured by SMART_REGION_… variables. The exit status is 0 after a signal, 1 after a
    failure (restart it: it continues from where it stopped), 2 if it cannot start.
    """
    from streams.settings import load_settings
    from streams.worker import run_worker

    sys.exit(run_worker(load_settings()))


@click.command()
def assessor() -> None:
    """Judge the milestones, and expose their status on /metrics.

    It reads the histories of all workers; one assessor is enough. It is configured by
    SMART_REGION_… variables. The exit status is 0 after a signal, 1 after a failure (restart it),
    2 if it cannot start.
    """
    from streams.assessor.process import run_assessor
    from streams.settings import load_settings

    sys.exit(run_assessor(load_settings()))


commands: list[click.Command] = [worker, assessor]
