"""The charts of each page: what they show, their titles and descriptions, in French."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Final

from catalogue.formatting import NO_BREAK, day_text, progress_text
from catalogue.territories import REGION
from report.charts.bars import BarRow, bars, progress_bar
from report.charts.commune_map import MapSpot, codes_within, commune_map, communes
from report.charts.line import Timeline, line_chart
from report.charts.region_map import Area, region_map
from report.charts.sparkline import sparkline
from report.overview import DepartmentRow
from report.places import CommuneShare
from report.promise import PromisePage
from report.school_map import MappedSchool
from report.standing import Standing
from report.view import View

SPARKLINE_DAYS: Final = 730
"""How far back a sparkline goes."""
SHORTEST: Final = timedelta(days=365)
"""The shortest span of a history's chart."""
LONGEST: Final = timedelta(days=30 * 365)
"""How far beyond its day a chart goes for a projection: beside centuries the history is a dot."""
MARGIN: Final = 20
"""A chart ends later than what it shows by this part (1 / n) of its span."""

IN_TABLE: Final = "Les mêmes valeurs sont dans le tableau qui suit."

Link = Callable[..., str]
"""Returns the link of a path, with parameters changed."""


def sparkline_of(standing: Standing, as_of: date) -> str:
    """Return the last two years of a figure."""
    since = as_of - timedelta(days=SPARKLINE_DAYS)
    points = standing.points(since, as_of)
    known = [value for _, value in points if value is not None]
    title = f"{standing.indicator.title} : évolution sur deux ans"
    description = "Aucune valeur connue."
    if known:
        least, most = standing.text(min(known)), standing.text(max(known))
        span = f"Toujours {least}" if least == most else f"Entre {least} et {most}"
        description = f"{span} ; au {day_text(as_of)} : {_value(standing)}."
    milestone = standing.milestone
    target = None if milestone is None or milestone.target is None else float(milestone.target)
    return sparkline(
        f"evolution-{standing.indicator.id}", title, description, points, target=target
    )


def progress_of(standing: Standing) -> str:
    """Return the progress towards the target, with that of a steady pace."""
    expected = standing.expected_progress
    description = "Aucun avancement connu."
    if standing.judgement.progress_rate is not None:
        steady = progress_text(expected, standing.indicator)
        compared = "" if expected is None else f" ; à rythme constant : {steady}"
        description = f"{standing.progress.text}{compared}."
    return progress_bar(
        f"avancement-{standing.indicator.id}",
        f"{standing.indicator.title} : avancement vers la cible",
        description,
        rate=standing.judgement.progress_rate,
        expected=expected,
    )


def history_title(standing: Standing) -> str:
    """Return the title of a figure's history."""
    return f"{standing.indicator.title}, {standing.territory} : évolution"


def history_text(standing: Standing, as_of: date) -> str:
    """Return in words what a figure's history shows."""
    parts = [f"Au {day_text(as_of)} : {_value(standing)}."]
    if standing.target.text:
        until = f" à atteindre le {standing.deadline.text}" if standing.deadline.text else ""
        parts.append(f"Cible : {standing.target.text}{until}.")
        projection = standing.projection
        parts.append(f"Projection : {projection.text or projection.reason}.")
    return " ".join(parts)


def history_chart(
    standing: Standing, as_of: date, *, prefix: str = "histoire", description: str = ""
) -> str:
    """Return a figure's history with its target, its deadline and its projection.

    By default its description says that a table follows.
    """
    judgement, milestone = standing.judgement, standing.milestone
    start = standing.start
    reports = standing.history.reports
    first = min([*reports[:1], as_of] if start is None else [start.day, as_of])
    first = min(first, as_of - SHORTEST)
    deadline = None if milestone is None else milestone.day
    projected = judgement.projected
    reached = None if projected is None else min(projected.day, as_of + LONGEST)
    last = max(day for day in (as_of, deadline, reached) if day)
    last += (last - first) / MARGIN
    timeline = Timeline(
        points=standing.points(first, as_of),
        as_of=as_of,
        first=first,
        last=last,
        target=None if milestone is None or milestone.target is None else float(milestone.target),
        deadline=deadline,
        baseline=None if start is None else float(start.value),
        projection=projected,
        attained_on=judgement.attained_on,
        lost_on=judgement.lost_on,
    )
    return line_chart(
        prefix,
        history_title(standing),
        description or f"{history_text(standing, as_of)} {IN_TABLE}",
        timeline,
        text=standing.text,
    )


def bars_of(page: PromisePage, link: Link | None = None, *, description: str = IN_TABLE) -> str:
    """Return a promise's value in each territory; by default its description names a table."""
    rows = [
        BarRow(
            label=row.title,
            value=None
            if row.standing.judgement.value is None
            else float(row.standing.judgement.value),
            text=row.standing.value.text or row.standing.value.reason,
            status=row.standing.judgement.status,
            href=None
            if link is None
            else link(f"promesses/{page.indicator.id}", territory=row.key),
        )
        # Beside a total, the parts of a count would be too short to compare.
        for row in page.territories
        if row.key != REGION or page.indicator.unit.value == "ratio"
    ]
    milestone = page.standing.milestone
    target = None if milestone is None or milestone.target is None else float(milestone.target)
    # Territories may be held to targets of their own: one line across all would be false.
    held = {row.standing.milestone.target for row in page.territories if row.standing.milestone}
    shared = target is not None and len(held) == 1 and page.indicator.unit.value == "ratio"
    return bars(
        "territoires-valeurs",
        f"{page.indicator.title} par territoire",
        description,
        rows,
        target=target if shared else None,
        target_text=page.standing.target.text if shared else "",
    )


def map_title(as_of: date) -> str:
    """Return the title of the map of a day."""
    return f"Les départements au {day_text(as_of)}, par leur promesse la plus en retard"


def map_text(departments: Sequence[DepartmentRow]) -> str:
    """Return in words what the map shows."""
    return f"{' ; '.join(f'{row.title} : {_worst_text(row)}' for row in departments)}."


def map_of(
    departments: Sequence[DepartmentRow], as_of: date, description: str, link: Link | None = None
) -> str:
    """Return the départements by their worst status."""
    areas = {
        row.key: Area(
            None if row.worst is None else row.worst.judgement.status,
            _worst_text(row),
            None if link is None else link("", territory=row.key),
        )
        for row in departments
    }
    return region_map("carte", map_title(as_of), description, areas)


def shares_of(found: Mapping[str, CommuneShare]) -> dict[str, float]:
    """Return the known shares of communes, from 0 to 1."""
    return {code: one.share for code, one in found.items() if one.share is not None}


def share_text(standing: Standing, share: float | None) -> str:
    """Return a commune's share in words."""
    return "non renseigné" if share is None else standing.text(share)


def communes_map(
    page: PromisePage,
    shares: Mapping[str, float],
    view: View,
    description: str,
    link: Link | None = None,
) -> str:
    """Return a ratio by commune: of the Région, or of a département with links if there are any."""
    label = None
    if view.department is not None and link is not None:
        label = partial(_commune_label, page.standing, shares, link)
    return commune_map(
        "carte",
        f"{page.indicator.title} par commune, {view.territory_name}, {day_text(view.as_of)}",
        description,
        shares,
        within=None if view.department is None else codes_within(view.department),
        label=label,
    )


def _commune_label(
    standing: Standing, shares: Mapping[str, float], link: Link, code: str
) -> tuple[str, str]:
    text = share_text(standing, shares.get(code))
    return link(f"communes/{code}"), f"{communes()[code].name}{NO_BREAK}: {text}"


def schools_map(
    page: PromisePage,
    schools: Sequence[MappedSchool],
    view: View,
    description: str,
    link: Link | None = None,
) -> str:
    """Return a promise's lycées: of the Région, or of a département, where they may be links."""
    to = link if view.department is not None else None
    return commune_map(
        "carte",
        f"{page.indicator.title}, {view.territory_name}, {day_text(view.as_of)}",
        description,
        within=None if view.department is None else codes_within(view.department),
        spots=[
            MapSpot(one.point, one.counts, to(one.key.path) if to else "", one.text)
            for one in schools
            if one.point is not None
        ],
    )


def _worst_text(row: DepartmentRow) -> str:
    if row.worst is None:
        return "sans cible"
    return f"{row.worst.indicator.title}, {row.worst.status.text or row.worst.status.reason}"


def _value(standing: Standing) -> str:
    """Return the value with the day on which it was published, or why there is none."""
    cell = standing.value
    return f"{cell.text} ({cell.note})" if cell.note else cell.text or cell.reason
