"""Engines in turns, over one workload after the other, on one broker."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.bench.engines import Engine, Trial
from tests.bench.stage import Stage
from tests.bench.workloads import EVENTS, WORKLOADS

#: Engine → workload → its trials.
Trials = Mapping[str, Mapping[str, Sequence[Trial]]]


def measure_trials(
    stage: Stage,
    engines: Sequence[Engine],
    folder: Path,
    rounds: int,
    *,
    report: Callable[[str], None],
) -> Trials:
    """Run the engines in turns, so that what else the machine does meets them all.

    The last workload stays on the stage.
    """
    trials: dict[str, dict[str, list[Trial]]] = {
        engine.name: defaultdict(list) for engine in engines
    }
    for workload in WORKLOADS:
        report(f"preloading {EVENTS} events: {workload.meaning}")
        stage.preload(workload)
        for number in range(1, rounds + 1):
            for engine in engines:
                with stage.application(workload, events=engine.events) as application:
                    trial = engine.run(stage, application, folder)
                trials[engine.name][workload.name].append(trial)
                report(
                    f"round {number} of {rounds}: {workload.name}, {engine.name}: "
                    f"{trial.events} events in {trial.times.seconds:.1f} s, {trial.rate:.0f}/s, "
                    f"{trial.processor_us:.0f} µs of processors each"
                )
    return trials
