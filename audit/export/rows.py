"""The rows of an export: their columns, and those of a day in the catalogue's order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from fractions import Fraction
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from catalogue.judgement import Judgement, judge_all
from catalogue.model import Catalogue, Unit
from catalogue.progress import MilestoneStatus
from catalogue.territories import TERRITORY_NAMES, territory_key
from events.observation import Territory
from streams.dated_sums import DatedSums
from streams.histories import Parts, categories_of, histories_of

#: What identifies a row of an export.
KEY = ("indicator", "territory", "category", "milestone")

_TERM = "D’un ratio qui a une valeur seulement ; en centimes si c’est celui de deux montants."


def _column(title: str, description: str) -> Any:  # noqa: ANN401 - as pydantic's Field
    return Field(title=title, description=description)


class ExportRow(BaseModel):
    """A figure of one territory on one day, against one milestone, or by one category.

    Names are for programs, and as everywhere in the monitor; titles and descriptions are for the
    public. None is "not known", never zero.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    as_of: date = _column("Jour", "Jour dont la ligne donne la valeur.")
    known_on: date | None = _column(
        "Connu au",
        "La valeur est telle qu’elle était connue à la fin de ce jour (UTC) ; vide : telle qu’elle "
        "est connue aujourd’hui, corrections comprises.",
    )
    programme: str = _column("Programme (code)", "Code du programme dans le catalogue.")
    programme_title: str = _column("Programme", "Intitulé du programme.")
    indicator: str = _column("Indicateur (code)", "Code de l’indicateur dans le catalogue.")
    indicator_title: str = _column("Indicateur", "Intitulé de l’indicateur.")
    unit: Unit = _column(
        "Unité", "ratio : part de 0 à 1 ; count : nombre ; euros : montant en euros."
    )
    department: str | None = _column(
        "Département", "Code Insee du département ; vide : la Région entière."
    )
    territory: Territory = _column(
        "Territoire (code)",
        "R11 : la Région entière ; D75 à D95 : un département. Codes de PILOTE, le baromètre de "
        "l’État.",
    )
    territory_name: str = _column("Territoire", "Nom de la Région ou du département.")
    dimension: str | None = _column(
        "Ventilation", "Champ selon lequel la ligne détaille l’indicateur ; vide : aucun détail."
    )
    category: str | None = _column(
        "Catégorie", "Valeur de la ventilation ; vide : toutes catégories ensemble."
    )
    value: float | None = _column(
        "Valeur",
        "Valeur actuelle (va), dans l’unité de l’indicateur ; pour une catégorie d’un ratio, la "
        "part du numérateur qui lui revient, dans l’unité du numérateur. Vide : inconnue ou "
        "protégée.",
    )
    numerator: int | None = _column("Numérateur", _TERM)
    denominator: int | None = _column("Dénominateur", _TERM)
    suppressed: bool = _column(
        "Secret statistique",
        "true : la valeur concerne trop peu de personnes, ou permettrait de retrouver une telle "
        "valeur, et n’est pas publiée.",
    )
    last_reported: date | None = _column(
        "Dernier relevé", "Dernier jour, jusqu’au jour de la ligne, où un fait compté a pris effet."
    )
    country_value: float | None = _column(
        "Valeur nationale",
        "Pour la Région, valeur de la France entière d’un indicateur observé, à titre de "
        "comparaison ; vide : inconnue ou non suivie.",
    )
    change_30d: float | None = _column(
        "Variation sur 30 jours", "Différence avec la valeur 30 jours plus tôt, dans l’unité."
    )
    change_30d_numerator: float | None = _column(
        "dont numérateur", "Part de la variation due au numérateur."
    )
    change_30d_denominator: float | None = _column(
        "dont dénominateur",
        "Part de la variation due au dénominateur (locaux recensés, lycée fermé…).",
    )
    pace_per_day: float | None = _column(
        "Rythme observé",
        "Pente de Theil–Sen de l’historique de l’indicateur, dans l’unité et par jour ; vide : "
        "trop peu de points.",
    )
    baseline: float | None = _column("Valeur initiale", "Valeur de départ (vi), dans l’unité.")
    milestone: str | None = _column(
        "Jalon (code)", "Code du jalon, unique dans l’indicateur ; vide : la promesse n’en a pas."
    )
    target: float | None = _column("Cible", "Valeur cible (vc) du jalon, dans l’unité.")
    deadline: date | None = _column("Échéance", "Dernier jour pour atteindre la cible.")
    assumed: bool | None = _column(
        "Hypothèse", "true : la promesse n’énonce pas elle-même cette cible ou cette échéance."
    )
    progress_rate: float | None = _column(
        "Taux d’avancement", "100 × (va − vi) / (vc − vi), borné à 0 et 100, en pour cent."
    )
    status: MilestoneStatus | None = _column(
        "État",
        "achieved : atteint ; on_track : en bonne voie ; at_risk : à risque ; missed : manqué ; "
        "unreported : non renseigné. Vide : sans cible, ou les effectifs protégés pourraient en "
        "décider.",
    )
    projected_on: date | None = _column(
        "Projection",
        "Jour où la cible serait atteinte si le rythme observé se maintient ; vide : hors "
        "d’atteinte à ce rythme (jamais, ou dans plus de dix ans).",
    )
    projected_earliest_on: date | None = _column(
        "Projection au plus tôt", "De même, au rythme du premier quart des rythmes observés."
    )
    projected_latest_on: date | None = _column(
        "Projection au plus tard", "De même, au rythme du dernier quart."
    )
    attained_on: date | None = _column(
        "Atteint le", "Premier jour de l’atteinte qui dure encore le jour de la ligne."
    )
    lost_on: date | None = _column(
        "Perdu le", "Premier jour où la cible, atteinte auparavant, ne l’était plus."
    )
    required_pace_per_day: float | None = _column(
        "Rythme nécessaire", "Ce qui reste, divisé par les jours qui restent jusqu’à l’échéance."
    )


def rows_of(
    catalogue: Catalogue, sums: DatedSums, as_of: date, known_on: date | None = None
) -> Iterator[ExportRow]:
    """Yield a row for each indicator, territory and milestone, each followed by its categories.

    `sums` are as known on `known_on`, where that is given.
    """
    judgements = judge_all(catalogue, histories_of(sums, catalogue, known_on), as_of)
    parts = categories_of(sums, catalogue, known_on)
    detailed: set[tuple[str, str | None]] = set()
    for judgement in judgements:
        indicator, department = judgement.indicator, judgement.department
        programme = catalogue.programme_of(indicator.id)
        common = {
            "as_of": judgement.as_of,
            "known_on": known_on,
            "programme": programme.id,
            "programme_title": programme.title,
            "indicator": indicator.id,
            "indicator_title": indicator.title,
            "unit": indicator.unit,
            "department": department,
            "territory": Territory.of(department),
            "territory_name": TERRITORY_NAMES[territory_key(department)],
        }
        yield _row(common, _figure(judgement), _promise(judgement))
        if (indicator.id, department) not in detailed:
            detailed.add((indicator.id, department))
            for category in indicator.categories:
                yield _row(common, _share(judgement, category, parts))


def _row(*parts: Mapping[str, Any]) -> ExportRow:
    """Join parts of a row; a field that none of them has is None."""
    known = {name: value for part in parts for name, value in part.items()}
    return ExportRow.model_validate({**dict.fromkeys(ExportRow.model_fields), **known})


def _figure(judgement: Judgement) -> dict[str, Any]:
    if judgement.withheld:
        return {"suppressed": True, "last_reported": judgement.last_reported}
    change = judgement.change
    is_ratio = judgement.denominator is not None and judgement.value is not None
    return {
        "suppressed": False,
        "value": _number(judgement.value),
        "numerator": judgement.numerator if is_ratio else None,
        "denominator": judgement.denominator if is_ratio else None,
        "last_reported": judgement.last_reported,
        "country_value": _number(judgement.country_value),
        "change_30d": change and float(change.value),
        "change_30d_numerator": change and float(change.due_to_numerator),
        "change_30d_denominator": change and float(change.due_to_denominator),
        "pace_per_day": _number(judgement.observed_pace),
    }


def _promise(judgement: Judgement) -> dict[str, Any]:
    baseline = judgement.indicator.baseline_for(judgement.department)
    promised: dict[str, Any] = {"baseline": None if baseline is None else float(baseline.value)}
    milestone = judgement.milestone
    if milestone is None:
        return promised
    promised |= {
        "milestone": milestone.id,
        "target": None if milestone.target is None else float(milestone.target),
        "deadline": milestone.day,
        "assumed": milestone.assumed,
        "status": judgement.status,
    }
    projected = judgement.projected
    return promised | {
        "progress_rate": judgement.progress_rate,
        "projected_on": projected and projected.day,
        "projected_earliest_on": projected and projected.earliest,
        "projected_latest_on": projected and projected.latest,
        "attained_on": judgement.attained_on,
        "lost_on": judgement.lost_on,
        "required_pace_per_day": _number(judgement.required_pace),
    }


def _share(judgement: Judgement, category: str, parts: Parts) -> dict[str, Any]:
    indicator, department = judgement.indicator, judgement.department
    total = parts[indicator.id, department, category].at(judgement.as_of)
    is_known = judgement.value is not None or judgement.withheld
    share = Fraction(total, indicator.measure.divisor) if is_known else None
    withheld = share is not None and indicator.publication is not None and not total
    return {
        "dimension": indicator.breakdown,
        "category": category,
        "value": None if withheld else _number(share),
        "suppressed": withheld,
    }


def _number(exact: Fraction | None) -> float | None:
    return None if exact is None else float(exact)
