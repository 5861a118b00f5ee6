"""The story of seed 2016 in figures, as the monitor judges them; `story.txt` is to be read."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from catalogue.judgement import judge_all
from catalogue.loader import load_catalogue
from simulation.emitter import RecordKind
from streams.histories import histories_of
from streams.state_store import StateStore
from tests.support.golden import check_golden
from tests.support.simulated import Story

CATALOGUE = load_catalogue()
DAYS = [
    *(date(2016, 1, 1), date(2016, 12, 31), date(2017, 12, 31), date(2018, 6, 30)),
    *(date(2018, 12, 31), date(2019, 6, 30), date(2019, 12, 31), date(2020, 4, 30)),
    *(date(2020, 10, 31), date(2020, 11, 30), date(2020, 12, 31)),
]


@pytest.mark.slow
def test_the_story_is_as_it_was_read(story: Story, state_store: StateStore) -> None:
    counts = Counter((str(record.family), record.kind) for record in story.records)
    lines = [f"{'records':14}" + "".join(f"{kind:>12}" for kind in RecordKind)]
    lines += [
        f"{family:14}" + "".join(f"{counts[family, kind]:12}" for kind in RecordKind)
        for family in sorted({family for family, _ in counts})
    ]
    histories = histories_of(state_store, CATALOGUE)
    figures = [judge_all(CATALOGUE, histories, day) for day in DAYS]
    lines += ["", f"{'figures':36}" + "".join(f"{day:%Y-%m-%d}".rjust(12) for day in DAYS)]
    for of_days in zip(*figures, strict=True):
        name = f"{of_days[0].indicator.id} {of_days[0].department or 'region'}"
        values = ("–" if one.value is None else f"{float(one.value):.5g}" for one in of_days)
        lines.append(f"{name:36}" + "".join(f"{value:>12}" for value in values))
        if any(one.status for one in of_days):
            statuses = (str(one.status or "") for one in of_days)
            lines.append(" " * 36 + "".join(f"{status:>12}" for status in statuses))
    check_golden(Path(__file__).with_name("story.txt"), "\n".join(lines) + "\n")
