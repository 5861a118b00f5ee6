"""The commands of this package, those of its parts among them: `smart-region worker` and so on."""

from __future__ import annotations

import sys

import click

from streams.assessor.cli import commands as assessor_commands
from streams.audit.cli import commands as audit_commands
from streams.backfill.cli import commands as backfill_commands
from streams.dead_letter_office.cli import commands as dead_letter_commands
from streams.demo.cli import demo
from streams.doctor.cli import commands as doctor_commands
from streams.erasure.cli import commands as erasure_commands
from streams.export.cli import commands as export_commands
from streams.producers.cli import commands as producers_commands
from streams.rebuild.cli import commands as rebuild_commands
from streams.stack.cli import commands as stack_commands

__all__ = ["commands"]


@click.command()
def worker() -> None:
    """Run a worker: events in, figures on /metrics, until SIGTERM.

    Everything is set by SMART_REGION_… variables. The exit status is 0 after a signal, 1 when
    something failed on the way (restart it: it goes on where it was), 2 when it cannot start.
    """
    from streams.settings import load_settings
    from streams.worker import run_worker

    sys.exit(run_worker(load_settings()))


commands: list[click.Command] = [
    worker,
    *assessor_commands,
    *dead_letter_commands,
    *audit_commands,
    *backfill_commands,
    *export_commands,
    *producers_commands,
    *erasure_commands,
    *rebuild_commands,
    demo,
    *stack_commands,
    *doctor_commands,
]
