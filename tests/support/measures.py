"""Measures of every family, and days around which their figures change; for small histories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from catalogue.model import Catalogue
from events.fact import Family
from tests.support.audits import catalogue_of

_RATIO: Final = {"unit": "ratio"}
_EUROS: Final = {"unit": "euros"}

MEASURES: Final[Mapping[Family, Sequence[tuple[object, Mapping[str, Any]]]]] = {
    Family.SCHOOLS: [
        (
            {
                "ratio": {
                    "of": {"count": "school.connected", "unless": ["school.disconnected"]},
                    "over": {"count": "school.registered", "unless": "school.closed"},
                }
            },
            _RATIO,
        ),
        (
            {
                "share": {
                    "of": {"count": "school.connected", "unless": ["school.disconnected"]},
                    "among": {"count": "school.registered", "unless": "school.closed"},
                }
            },
            _RATIO,
        ),
        ({"latest": "downlink_mbps", "from": "school.connected", "within_days": 7}, {}),
    ],
    Family.EQUIPMENT: [
        ({"sum": "quantity", "from": "equipment.delivered"}, {"breakdown": "kind"}),
        ({"count": "equipment.delivered", "where": {"completes_plan": True}}, {}),
    ],
    Family.BROADBAND: [
        (
            {
                "ratio": {
                    "of": {"latest": "connectable_premises", "from": "broadband.coverage_reported"},
                    "over": {"latest": "premises", "from": "broadband.coverage_reported"},
                }
            },
            _RATIO,
        )
    ],
    Family.COWORKING: [
        (
            {
                "latest": "workstations",
                "from": ["coworking.opened", "coworking.resized"],
                "unless": "coworking.closed",
            },
            {},
        )
    ],
    Family.WORKSTATIONS: [
        (
            {"sum": "occupied_hours", "from": "workstation.usage_reported"},
            {"breakdown": "occupied_hours"},
        ),
        ({"latest": "occupied_hours", "from": "workstation.usage_reported", "within_days": 1}, {}),
    ],
    Family.TRAININGS: [
        (
            {"count": "training.completed", "unless": "training.abandoned"},
            {"breakdown": "audience"},
        ),
        (
            {
                "share": {
                    "of": {"audience": ["job_seeker", "early_leaver"]},
                    "among": {"count": "training.enrolled"},
                }
            },
            _RATIO,
        ),
    ],
    Family.GRANTS: [
        ({"sum": "amount_cents", "from": ["grant.committed", "grant.paid"]}, _EUROS),
        ({"sum": "amount_cents", "from": "grant.paid", "within_days": 31}, _EUROS),
    ],
    Family.DATASETS: [
        (
            {
                "ratio": {
                    "of": {
                        "fresh": ["dataset.released", "dataset.updated"],
                        "unless": "dataset.withdrawn",
                        "every": "update_frequency",
                        "grace_days": 2,
                    },
                    "over": {"count": "dataset.released", "unless": "dataset.withdrawn"},
                }
            },
            {"unit": "ratio", "grain": "region", "breakdown": "theme"},
        ),
        (
            {
                "share": {
                    "of": {"count": ["dataset.probed", "dataset.released"]},
                    "among": {"count": "dataset.released", "unless": "dataset.withdrawn"},
                }
            },
            {"unit": "ratio", "grain": "region", "breakdown": "theme"},
        ),
    ],
    Family.OBSERVATIONS: [
        ({"observed": "IND-001"}, {}),
        ({"observed": "IND-002", "percent": True}, _RATIO),
    ],
    Family.EXPLANATIONS: [
        ({"count": "milestone.explained"}, {"grain": "region", "breakdown": "kind"}),
    ],
}
"""By family: a measure as the catalogue declares it, and the other fields of its indicator."""

# The day before, the day itself, and around each expiry of the measures.
OFFSETS: Final = (-1, 0, 1, 2, 3, 4, 7, 8, 9, 10, 31, 32, 33, 34)


def paid_of_committed(**fields: Any) -> Catalogue:
    """Return a catalogue with the paid share of committed grants: a ratio of two amounts."""
    of = {"sum": "amount_cents", "from": "grant.paid"}
    over = {"sum": "amount_cents", "from": "grant.committed"}
    return catalogue_of({"ratio": {"of": of, "over": over}}, unit="ratio", **fields)
