"""What alerts say in French: the whole of an alert of each name, as it reaches Alertmanager."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from catalogue import metrics
from catalogue.loader import load_catalogue
from catalogue.metrics import Metric
from catalogue.progress import MilestoneStatus
from dashboards.conventions import ASSESSOR_JOB, PAGE_JOB, WORKER_JOB
from report.standing import DAYS_OF_A_MONTH, change_text
from tests.support.rule_scenarios import (
    ABSENT,
    DAY,
    PARTITIONS,
    TODAY,
    RuleScenario,
    Span,
    growing,
)

CATALOGUE = Path(__file__).parent / "catalogue"
LYCEES = {"programme": "lycees", "indicator": "schools_connected_ratio"}
CONNECTED = LYCEES | {"milestone": "all_connected"}
FORMATION = {"programme": "formation"}
BUDGET = FORMATION | {"indicator": "grants_committed_euros", "milestone": "budget_committed"}
DROPPED = FORMATION | {"indicator": "trainees_dropped_out", "milestone": "few_drop_out"}

FIGURES = {"scope": "figures"}
OPERATOR = {
    "scope": "pipeline",
    "programme": "smart-region-monitor",
    "owner": "Exploitant du moniteur",
}
LYCEES_OWNER = {"owner": "Responsable du programme Lycées numériques"}
FORMATION_OWNER = {"owner": "Responsable du programme Formation au numérique"}
MONITOR = {
    "programme_title": "Moniteur Smart Région",
    "dashboard_url": "http://localhost:3000/d/smart-region-pipeline",
}
PRODUCERS = {"dashboard_url": "http://localhost:3000/d/smart-region-producers"}


def expose(
    scenario: RuleScenario, metric: Metric, value: float, department: str, **labels: str
) -> None:
    """Expose by the assessor a value for an hour."""
    where = {"job": ASSESSOR_JOB, "instance": "assessor:6067", "department": department}
    scenario.expose(metric, (value, 60), **labels, **where)


def judge(
    scenario: RuleScenario, milestone: dict[str, str], department: str, status: MilestoneStatus
) -> None:
    """Expose a milestone's status for an hour."""
    scenario.judged(
        milestone["programme"],
        milestone["indicator"],
        milestone["milestone"],
        department,
        (status, 60),
    )


def lycees(department: str) -> dict[str, str]:
    """Return the annotations that lead to the board of the lycées."""
    board = f"http://localhost:3000/d/smart-region-p-lycees?var-department={department}"
    return {"programme_title": "Lycées numériques", "dashboard_url": board}


def formation(department: str) -> dict[str, str]:
    """Return the annotations that lead to the board of the trainings."""
    board = f"http://localhost:3000/d/smart-region-p-formation?var-department={department}"
    return {"programme_title": "Formation au numérique", "dashboard_url": board}


def test_milestone_missed(scenario: RuleScenario) -> None:
    """A value just under its target is not shown as having reached it."""
    judge(scenario, CONNECTED, "77", MilestoneStatus.MISSED)
    expose(scenario, metrics.INDICATOR_ASSESSED_VALUE, 0.99996, "77", **LYCEES)
    scenario.expect_alert(
        30,
        "MilestoneMissed",
        FIGURES
        | CONNECTED
        | LYCEES_OWNER
        | {"severity": "critical", "department": "77", "territory": "Seine-et-Marne (77)"},
        lycees("77")
        | {
            "summary": "Seine-et-Marne (77) : jalon manqué, « Tous les lycées connectés »",
            "description": "Lycées connectés au très haut débit : 99,9\u00a0%, pour une cible de"
            " 100,0\u00a0% au 31/12/2020. L’échéance est passée et la cible n’est pas atteinte.",
            "runbook_url": "docs/runbooks/MilestoneMissed.md",
        },
    )


def test_milestone_missed_in_euros_and_in_part_assumed(scenario: RuleScenario) -> None:
    """Thousands are set apart, cents cut, and what the promise does not fix is said."""
    judge(scenario, BUDGET, "region", MilestoneStatus.MISSED)
    labels = {"programme": "formation", "indicator": "grants_committed_euros"}
    expose(scenario, metrics.INDICATOR_ASSESSED_VALUE, 6_499_999.99, "region", **labels)
    scenario.expect_alert(
        30,
        "MilestoneMissed",
        FIGURES
        | BUDGET
        | FORMATION_OWNER
        | {"severity": "critical", "department": "region", "territory": "Île-de-France"},
        formation("region")
        | {
            "summary": "Île-de-France : jalon manqué, « Plus de 6,5 M€ engagés »",
            "description": "Subventions engagées : 6\u202f499\u202f999\u00a0€, pour une cible de"
            " 6\u202f500\u202f000\u00a0€ au 31/12/2020, en partie supposée. L’échéance est passée"
            " et la cible n’est pas atteinte.",
            "runbook_url": "docs/runbooks/MilestoneMissed.md",
        },
    )


def persons(value: str) -> dict[str, str]:
    """Return the annotations of a milestone missed on a count of persons."""
    return formation("region") | {
        "summary": "Île-de-France : jalon manqué, « Abandons de formation »",
        "description": f"Abandons de formation : {value}, pour une cible de 100 au 31/12/2020."
        " L’échéance est passée et la cible n’est pas atteinte.",
        "runbook_url": "docs/runbooks/MilestoneMissed.md",
    }


PERSONS = (
    FIGURES
    | DROPPED
    | FORMATION_OWNER
    | {"severity": "critical", "department": "region", "territory": "Île-de-France"}
)


def test_milestone_missed_on_persons(scenario: RuleScenario) -> None:
    """A total that may be shown is shown."""
    judge(scenario, DROPPED, "region", MilestoneStatus.MISSED)
    labels = FORMATION | {"indicator": "trainees_dropped_out"}
    expose(scenario, metrics.INDICATOR_ASSESSED_VALUE, 1240, "region", **labels)
    scenario.expect_alert(30, "MilestoneMissed", PERSONS, persons("1\u202f240"))


def test_milestone_missed_on_persons_too_few_to_show(scenario: RuleScenario) -> None:
    """A value that is hidden is not shown, and its absence does not silence the alert."""
    judge(scenario, DROPPED, "region", MilestoneStatus.MISSED)
    hidden = "valeur protégée par le secret statistique"
    scenario.expect_alert(30, "MilestoneMissed", PERSONS, persons(hidden))


def at_risk(description: str) -> dict[str, str]:
    """Return the annotations of a risk."""
    return lycees("95") | {
        "summary": "Val-d’Oise (95) : jalon à risque, « Tous les lycées connectés »",
        "description": "Lycées connectés au très haut débit : 62,5\u00a0%, pour une cible de"
        f" 100,0\u00a0% au 31/12/2020. {description}",
        "runbook_url": "docs/runbooks/MilestoneAtRisk.md",
    }


RISK = (
    FIGURES
    | CONNECTED
    | LYCEES_OWNER
    | {"severity": "warning", "department": "95", "territory": "Val-d’Oise (95)"}
)


def test_milestone_at_risk(scenario: RuleScenario) -> None:
    """With the day that the pace leads to, and the paces per month: the plural from two on."""
    judge(scenario, CONNECTED, "95", MilestoneStatus.AT_RISK)
    expose(scenario, metrics.INDICATOR_ASSESSED_VALUE, 0.625, "95", **LYCEES)
    expose(scenario, metrics.MILESTONE_PROJECTED, TODAY + 400 * DAY, "95", **CONNECTED)
    expose(scenario, metrics.MILESTONE_REQUIRED_PACE, 0.00176, "95", **CONNECTED)
    expose(scenario, metrics.INDICATOR_PACE, 0.00061, "95", **LYCEES)
    scenario.expect_alert(
        30,
        "MilestoneAtRisk",
        RISK,
        at_risk(
            "Au rythme observé, elle serait atteinte le 06/07/2021. Rythme nécessaire :"
            " +5,4\u00a0points par mois ; observé : +1,9\u00a0point par mois."
        ),
    )


@pytest.mark.parametrize(
    "pace", [Fraction(1, 1000), Fraction(12, 20_000), Fraction(-1, 100_000), Fraction(1, 10**9)]
)
def test_a_pace_is_that_of_the_page(scenario: RuleScenario, pace: Fraction) -> None:
    """To the last digit, its sign and the form of its unit; also where it is next to nothing."""
    judge(scenario, CONNECTED, "95", MilestoneStatus.AT_RISK)
    expose(scenario, metrics.INDICATOR_ASSESSED_VALUE, 0.625, "95", **LYCEES)
    expose(scenario, metrics.INDICATOR_PACE, float(pace), "95", **LYCEES)
    indicator = load_catalogue(CATALOGUE).indicator(LYCEES["indicator"])
    paged = change_text(indicator, pace * DAYS_OF_A_MONTH)
    scenario.expect_alert(
        30,
        "MilestoneAtRisk",
        RISK,
        at_risk(
            "Au rythme actuel, elle est hors d’atteinte. Rythme nécessaire : sans objet ;"
            f" observé : {paged} par mois."
        ),
    )


def test_a_pace_in_euros_is_that_of_the_page(scenario: RuleScenario) -> None:
    """Without cents, thousands apart."""
    judge(scenario, BUDGET, "region", MilestoneStatus.AT_RISK)
    of = {"programme": "formation", "indicator": "grants_committed_euros"}
    expose(scenario, metrics.INDICATOR_ASSESSED_VALUE, 6_000_000, "region", **of)
    expose(scenario, metrics.INDICATOR_PACE, 42_000, "region", **of)
    scenario.expect_alert(
        30,
        "MilestoneAtRisk",
        FIGURES
        | BUDGET
        | FORMATION_OWNER
        | {"severity": "warning", "department": "region", "territory": "Île-de-France"},
        formation("region")
        | {
            "summary": "Île-de-France : jalon à risque, « Plus de 6,5 M€ engagés »",
            "description": "Subventions engagées : 6\u202f000\u202f000\u00a0€, pour une cible de"
            " 6\u202f500\u202f000\u00a0€ au 31/12/2020, en partie supposée. Au rythme actuel,"
            " elle est hors d’atteinte. Rythme nécessaire : sans objet ; observé :"
            " +1\u202f277\u202f500\u00a0€ par mois.",
            "runbook_url": "docs/runbooks/MilestoneAtRisk.md",
        },
    )


def check_risk_without_pace(scenario: RuleScenario) -> None:
    """Check that the alert of a risk knows no projection and no pace."""
    scenario.expect_alert(
        30,
        "MilestoneAtRisk",
        RISK,
        at_risk(
            "Au rythme actuel, elle est hors d’atteinte. Rythme nécessaire : sans objet ; observé :"
            " inconnu."
        ),
    )


def test_milestone_at_risk_without_a_pace(scenario: RuleScenario) -> None:
    """Where the trend leads nowhere that is said, and nothing is made up."""
    judge(scenario, CONNECTED, "95", MilestoneStatus.AT_RISK)
    expose(scenario, metrics.INDICATOR_ASSESSED_VALUE, 0.625, "95", **LYCEES)
    check_risk_without_pace(scenario)


def test_a_projection_that_has_ended_is_not_told(scenario: RuleScenario) -> None:
    """While the assessor judges, the last one that it had is no longer its own."""
    judge(scenario, CONNECTED, "95", MilestoneStatus.AT_RISK)
    expose(scenario, metrics.INDICATOR_ASSESSED_VALUE, 0.625, "95", **LYCEES)
    where = {"job": ASSESSOR_JOB, "instance": "assessor:6067", "department": "95"}
    for metric, value, labels in (
        (metrics.MILESTONE_PROJECTED, TODAY + 400 * DAY, CONNECTED),
        (metrics.INDICATOR_PACE, 0.00061, LYCEES),
    ):
        scenario.expose(metric, (value, 10), (ABSENT, 50), **labels, **where)
    check_risk_without_pace(scenario)


def test_a_projection_stays_while_the_assessor_is_away(scenario: RuleScenario) -> None:
    """Its restart changes no text; a pace below zero has the sign of the page."""
    where = {"job": ASSESSOR_JOB, "instance": "assessor:6067", "department": "95"}
    scenario.judged(
        "lycees",
        "schools_connected_ratio",
        "all_connected",
        "95",
        (MilestoneStatus.AT_RISK, 25),
        (None, 35),
    )
    for metric, value, labels in (
        (metrics.INDICATOR_ASSESSED_VALUE, 0.625, LYCEES),
        (metrics.MILESTONE_PROJECTED, TODAY + 400 * DAY, CONNECTED),
        (metrics.MILESTONE_REQUIRED_PACE, 0.00176, CONNECTED),
        (metrics.INDICATOR_PACE, -0.0012, LYCEES),
    ):
        scenario.expose(metric, (value, 25), (ABSENT, 35), **labels, **where)
    scenario.expect_alert(
        35,
        "MilestoneAtRisk",
        RISK,
        at_risk(
            "Au rythme observé, elle serait atteinte le 06/07/2021. Rythme nécessaire :"
            " +5,4\u00a0points par mois ; observé : −3,7\u00a0points par mois."
        ),
    )


def test_target_lost(scenario: RuleScenario) -> None:
    """With the day since which it is no longer held."""
    expose(scenario, metrics.INDICATOR_ASSESSED_VALUE, 0.96, "75", **LYCEES)
    expose(scenario, metrics.MILESTONE_LOST, 1, "75", **CONNECTED)
    expose(scenario, metrics.MILESTONE_LOST_ON, TODAY - 31 * DAY, "75", **CONNECTED)
    scenario.expect_alert(
        30,
        "TargetLost",
        FIGURES
        | CONNECTED
        | LYCEES_OWNER
        | {"severity": "warning", "department": "75", "territory": "Paris (75)"},
        lycees("75")
        | {
            "summary": "Paris (75) : cible perdue, « Tous les lycées connectés »",
            "description": "Lycées connectés au très haut débit : 96,0\u00a0%, pour une cible de"
            " 100,0\u00a0% au 31/12/2020. La cible avait été atteinte ; elle ne l’est plus depuis"
            " le 01/05/2020.",
            "runbook_url": "docs/runbooks/TargetLost.md",
        },
    )


def unexplained(territory: str, department: str, code: str) -> dict[str, str]:
    """Return the annotations of a milestone that nobody explains."""
    return lycees(department) | {
        "summary": f"{territory} : sans explication depuis 45\u00a0jours, « Tous les lycées"
        " connectés »",
        "description": "Lycées connectés au très haut débit : 96,0\u00a0%, pour une cible de"
        " 100,0\u00a0% au 31/12/2020. Le jalon est manqué ou à risque depuis le 17/04/2020, et"
        " personne n’a dit pourquoi ; délai admis : 30\u00a0jours. Le responsable du programme"
        " l’explique : `smart-region explain --indicator schools_connected_ratio --milestone"
        f" all_connected --territory {code} --kind cause --role RÔLE TEXTE`.",
        "runbook_url": "docs/runbooks/MilestoneUnexplained.md",
    }


@pytest.mark.parametrize(
    ("territory", "department", "code"),
    [("Île-de-France", "region", "R11"), ("Seine-et-Marne (77)", "77", "D77")],
)
def test_milestone_unexplained(
    scenario: RuleScenario, territory: str, department: str, code: str
) -> None:
    """With the days, and the command that explains it, its territory as facts have it."""
    scenario.healthy()
    judge(scenario, CONNECTED, department, MilestoneStatus.AT_RISK)
    expose(scenario, metrics.INDICATOR_ASSESSED_VALUE, 0.96, department, **LYCEES)
    expose(scenario, metrics.MILESTONE_UNEXPLAINED, TODAY - 45 * DAY, department, **CONNECTED)
    scenario.expect_alert(
        40,
        "MilestoneUnexplained",
        FIGURES
        | CONNECTED
        | LYCEES_OWNER
        | {"severity": "warning", "department": department, "territory": territory},
        unexplained(territory, department, code),
    )


def work(scenario: RuleScenario, metric: Metric, *spans: Span, **labels: str) -> None:
    """Expose a series of a worker."""
    scenario.expose(metric, *spans, **labels, job=WORKER_JOB, instance="worker:6066")


def test_indicator_unreported(scenario: RuleScenario) -> None:
    """With the last report's day, and what is expected."""
    scenario.healthy()
    completed = FORMATION | {"indicator": "trainees_completed"}
    where = {"department": "93", "partition": "0"}
    work(scenario, metrics.INDICATOR_LAST_REPORTED, (TODAY - 90 * DAY, 60), **completed, **where)
    scenario.expect_alert(
        50,
        "IndicatorUnreported",
        FIGURES
        | completed
        | FORMATION_OWNER
        | {"severity": "warning", "department": "region", "territory": "Île-de-France"},
        formation("region")
        | {
            "summary": "Île-de-France : « Formations achevées » n’est pas renseigné",
            "description": "Le dernier relevé de la Région porte sur le 03/03/2020. Un relevé est"
            " attendu chaque mois, au plus tard 77\u00a0jours après le précédent. Un indicateur non"
            " renseigné n’est pas un zéro.",
            "runbook_url": "docs/runbooks/IndicatorUnreported.md",
        },
    )


def test_a_departement_whose_persons_are_unreported(scenario: RuleScenario) -> None:
    """When it last reported itself is not exposed: that nobody ever did would be wrong."""
    judge(scenario, DROPPED, "93", MilestoneStatus.UNREPORTED)
    dropped = FORMATION | {"indicator": "trainees_dropped_out"}
    scenario.healthy()
    region = {"department": "region", "partition": "0"}
    work(scenario, metrics.INDICATOR_LAST_REPORTED, (TODAY - 90 * DAY, 60), **dropped, **region)
    completed = FORMATION | {"indicator": "trainees_completed"}
    work(scenario, metrics.INDICATOR_LAST_REPORTED, (TODAY, 60), **completed, **region)
    scenario.expect_alert(
        50,
        "IndicatorUnreported",
        FIGURES
        | dropped
        | FORMATION_OWNER
        | {
            "severity": "warning",
            "department": "93",
            "territory": "Seine-Saint-Denis (93)",
        },
        formation("93")
        | {
            "summary": "Seine-Saint-Denis (93) : « Abandons de formation » n’est pas renseigné",
            "description": "Le dernier relevé de la Région porte sur le 03/03/2020. Un indicateur"
            " non renseigné n’est pas un zéro.",
            "runbook_url": "docs/runbooks/IndicatorUnreported.md",
        },
    )


def test_producer_silent(scenario: RuleScenario) -> None:
    """With the system's title, its programme, how long it is silent, and how long it may be."""
    scenario.healthy()
    scenario.producer(
        "suivi", (TODAY - 90 * DAY, 60), allowed_days=39, programmes=["formation"], minutes=60
    )
    scenario.expect_alert(
        50,
        "ProducerSilent",
        FORMATION
        | FORMATION_OWNER
        | {"severity": "warning", "scope": "producers", "producer": "suivi"},
        PRODUCERS
        | {
            "programme_title": "Formation au numérique",
            "summary": "« Système suivi » n’envoie plus rien",
            "description": "Dernier évènement de « Système suivi » il y a 90\u00a0jours, pour"
            " 39\u00a0jours admis par la fréquence que ce système a déclarée. Les chiffres de ce"
            " programme vieillissent sans changer.",
            "runbook_url": "docs/runbooks/ProducerSilent.md",
        },
    )


def test_producer_faulty(scenario: RuleScenario) -> None:
    """With the share refused, and what to send to whom."""
    scenario.healthy()
    scenario.producer("suivi", allowed_days=39, programmes=["formation"])
    for outcome, step in (("refused", 1), ("accepted", 3)):
        work(
            scenario,
            metrics.PRODUCER_EVENTS,
            growing(0, step, 200),
            producer="suivi",
            outcome=outcome,
        )
    scenario.expect_alert(
        100,
        "ProducerFaulty",
        FORMATION
        | FORMATION_OWNER
        | {"severity": "warning", "scope": "producers", "producer": "suivi"},
        PRODUCERS
        | {
            "programme_title": "Formation au numérique",
            "summary": "« Système suivi » envoie des messages que l’on refuse",
            "description": "25\u00a0% de ce que « Système suivi » a envoyé en 6 heures a été"
            " refusé. Ils manquent aux chiffres de ce programme. Le relevé à envoyer à ce"
            " producteur dit quoi corriger : `smart-region producers report --producer suivi`.",
            "runbook_url": "docs/runbooks/ProducerFaulty.md",
        },
    )


@pytest.mark.parametrize(
    ("refused", "told", "kept"),
    [
        (3, "3 enregistrements refusés", "Ils sont gardés, avec leur cause, et ne comptent"),
        (1, "1 enregistrement refusé", "Il est gardé, avec sa cause, et ne compte"),
    ],
)
def test_dead_letters(scenario: RuleScenario, refused: int, told: str, kept: str) -> None:
    """With their number and reason, in French and as commands have it."""
    work(scenario, metrics.DEAD_LETTERS, (0, 20), (refused, 40), reason="invalid_data")
    scenario.expect_alert(
        30,
        "DeadLetters",
        OPERATOR | {"severity": "warning", "reason": "invalid_data"},
        MONITOR
        | PRODUCERS
        | {
            "summary": "Enregistrements refusés : données incorrectes (invalid_data)",
            "description": f"{told} en 15 minutes pour la raison invalid_data. {kept} dans aucun"
            " chiffre.",
            "runbook_url": "docs/runbooks/DeadLetters.md",
        },
    )


def test_dead_letter_share_high(scenario: RuleScenario) -> None:
    """With the share, the first cause, and how to send again what was refused."""
    work(scenario, metrics.DEAD_LETTER_SHARE, (0.375, 60), family="schools")
    cause = {"family": "schools", "reason": "unknown_type", "field": "type"}
    work(scenario, metrics.DEAD_LETTER_ALARM, (1, 60), **cause)
    scenario.expect_alert(
        30,
        "DeadLetterShareHigh",
        OPERATOR | {"severity": "critical", "family": "schools"},
        MONITOR
        | PRODUCERS
        | {
            "summary": "Trop d’enregistrements refusés : Lycées (schools)",
            "description": "37,5\u00a0% des 100 derniers enregistrements de cette famille ont été"
            " refusés. Première cause : type inconnu (unknown_type), champ type. Les workers"
            " continuent, et les enregistrements sont gardés ; après correction, les renvoyer par"
            " `smart-region dead-letters replay --reason unknown_type`.",
            "runbook_url": "docs/runbooks/DeadLetterShareHigh.md",
        },
    )


def test_consumer_lag(scenario: RuleScenario) -> None:
    """With the topic and what waits on it; it silences the figures."""
    work(scenario, metrics.LAG, (25_000, 60), topic="smartregion.schools", partition="0")
    scenario.expect_alert(
        30,
        "ConsumerLag",
        OPERATOR | {"severity": "warning", "silences": "figures", "topic": "smartregion.schools"},
        MONITOR
        | {
            "summary": "Retard de lecture sur smartregion.schools",
            "description": "25\u202f000 enregistrements de smartregion.schools attendent d’être"
            " lus. Les chiffres sont en retard ; les alertes de jalons sont suspendues.",
            "runbook_url": "docs/runbooks/ConsumerLag.md",
        },
    )


def test_records_deleted(scenario: RuleScenario) -> None:
    """With how many, and of which partition."""
    topic = {"topic": "smartregion.schools", "partition": "3"}
    work(scenario, metrics.LOG_START, (0, 20), (17, 40), **topic)
    scenario.expect_alert(
        30,
        "RecordsDeleted",
        OPERATOR | {"severity": "critical", **topic},
        MONITOR
        | {
            "summary": "Évènements supprimés de smartregion.schools",
            "description": "17 évènements de la partition 3 de smartregion.schools ont été"
            " supprimés depuis hier. Sauf effacement voulu (smart-region erase), ils sont perdus :"
            " ni les workers ni l’audit ne peuvent plus les compter.",
            "runbook_url": "docs/runbooks/RecordsDeleted.md",
        },
    )


def test_topic_faulty(scenario: RuleScenario) -> None:
    """With what is wrong, in French and as the runbook has it."""
    where = {"topic": "smartregion.schools", "fault": "events_lost"}
    work(scenario, metrics.TOPIC_FAULT, (1, 60), partition="0", **where)
    scenario.expect_alert(
        30,
        "TopicFaulty",
        OPERATOR | {"severity": "critical", "silences": "figures", **where},
        MONITOR
        | {
            "summary": "Topic smartregion.schools : évènements perdus (events_lost)",
            "description": "Le topic smartregion.schools a perdu ce qu’il contenait, ou n’est plus"
            " tel que les workers en ont besoin. Les chiffres concernés ne sont plus montrés : ils"
            " seraient faux. Un redémarrage ne suffit pas.",
            "runbook_url": "docs/runbooks/TopicFaulty.md",
        },
    )


def test_topic_with_wrong_settings(scenario: RuleScenario) -> None:
    """Figures are shown, so that alerts about them go on."""
    where = {"topic": "smartregion.schools", "fault": "settings_changed"}
    work(scenario, metrics.TOPIC_FAULT, (1, 60), partition="", **where)
    scenario.expect_alert(
        30,
        "TopicFaulty",
        OPERATOR | {"severity": "critical", **where},
        MONITOR
        | {
            "summary": "Topic smartregion.schools : réglages modifiés (settings_changed)",
            "description": "Le topic smartregion.schools a des réglages avec lesquels le broker"
            " supprime des évènements, ou ne date plus leur réception. Les chiffres restent"
            " affichés : aucun évènement n’est perdu de ce seul fait. Corriger les réglages sans"
            " attendre.",
            "runbook_url": "docs/runbooks/TopicFaulty.md",
        },
    )


def check_missing(scenario: RuleScenario, *, owned: int, summary: str, description: str) -> None:
    """Check what the alert says of the partitions that no worker has; one has the first of them."""
    spans: dict[int, list[Span]] = {one: [(1, 60)] for one in range(owned)}
    scenario.worker("worker:6066", (1, 60), owned=spans)
    scenario.expect_alert(
        30,
        "PartitionsMissing",
        OPERATOR | {"severity": "critical", "silences": "figures"},
        MONITOR
        | {
            "summary": summary,
            "description": description,
            "runbook_url": "docs/runbooks/PartitionsMissing.md",
        },
    )


def test_one_partition_missing(scenario: RuleScenario) -> None:
    """In the singular."""
    check_missing(
        scenario,
        owned=PARTITIONS - 1,
        summary="1 partition sans worker",
        description="1 partition n’est montrée par aucun worker : les totaux ne sont plus"
        " publiés, car ils seraient partiels. Les alertes de jalons sont suspendues.",
    )


def test_partitions_missing(scenario: RuleScenario) -> None:
    """With how many."""
    check_missing(
        scenario,
        owned=1,
        summary="3 partitions sans worker",
        description="3 partitions ne sont montrées par aucun worker : les totaux ne sont"
        " plus publiés, car ils seraient partiels. Les alertes de jalons sont suspendues.",
    )


def test_worker_not_ready(scenario: RuleScenario) -> None:
    """With which one; the figures are not silenced."""
    scenario.worker("worker:6066", (0, 60))
    scenario.expect_alert(
        30,
        "WorkerNotReady",
        OPERATOR | {"severity": "warning", "job": WORKER_JOB, "instance": "worker:6066"},
        MONITOR
        | {
            "summary": "Worker worker:6066 indisponible",
            "description": "Le worker worker:6066 ne répond pas, ou n’a pas fini de reconstruire"
            " son état. Tant que les autres montrent toutes les partitions, les chiffres restent"
            " justes.",
            "runbook_url": "docs/runbooks/WorkerNotReady.md",
        },
    )


def test_no_worker_at_all(scenario: RuleScenario) -> None:
    """It has no name, as on a cluster without a single one."""
    scenario.assessor((1, 60))
    scenario.expect_alert(
        30,
        "WorkerNotReady",
        OPERATOR | {"severity": "warning", "job": WORKER_JOB},
        MONITOR
        | {
            "summary": "Aucun worker n’est connu de Prometheus",
            "description": "Prometheus n’a aucun worker à interroger : aucun chiffre n’est publié.",
            "runbook_url": "docs/runbooks/WorkerNotReady.md",
        },
    )


def test_assessor_not_ready(scenario: RuleScenario) -> None:
    """It silences what it would have judged."""
    scenario.assessor((0, 60))
    scenario.expect_alert(
        30,
        "AssessorNotReady",
        OPERATOR | {"severity": "critical", "silences": "figures"},
        MONITOR
        | {
            "summary": "Aucun jugement à jour des jalons",
            "description": "L’évaluateur ne répond pas, n’a pas fini de lire l’état, le lit avec"
            " beaucoup de retard, ou ne juge pas tous les indicateurs, car les workers ont un autre"
            " catalogue. Les jalons gardent leur dernier état connu et leurs alertes sont"
            " suspendues.",
            "runbook_url": "docs/runbooks/AssessorNotReady.md",
        },
    )


def test_page_not_ready(scenario: RuleScenario) -> None:
    """With which one; the figures are not silenced."""
    where = {"job": PAGE_JOB, "instance": "page:6072"}
    scenario.expose(metrics.PAGE_READY, (0, 60), **where)
    scenario.expect_alert(
        30,
        "PageNotReady",
        OPERATOR | {"severity": "warning", **where},
        MONITOR
        | {
            "summary": "Page du délégué page:6072 indisponible",
            "description": "La page page:6072 ne répond pas, ou ne montre aucun chiffre : elle n’a"
            " pas fini de lire l’état. Les chiffres, les tableaux et les alertes n’en dépendent pas"
            " et restent justes.",
            "runbook_url": "docs/runbooks/PageNotReady.md",
        },
    )


@pytest.mark.parametrize(
    ("numerator", "denominator", "assessed", "difference"),
    [(9, 10, 0.8, "0,1"), (6_999_999, 7_000_000, 1, "0,000000143")],
)
def test_figures_diverge(
    numerator: int,
    denominator: int,
    assessed: float,
    difference: str,
    scenario: RuleScenario,
) -> None:
    """With the figure, the territory and by how much, however little."""
    scenario.healthy()
    for metric, amount in (
        (metrics.INDICATOR_NUMERATOR, numerator),
        (metrics.INDICATOR_DENOMINATOR, denominator),
    ):
        work(scenario, metric, (amount, 60), **LYCEES, department="77", partition="0")
    expose(scenario, metrics.INDICATOR_ASSESSED_VALUE, assessed, "77", **LYCEES)
    scenario.expect_alert(
        30,
        "FiguresDiverge",
        OPERATOR
        | {
            "severity": "critical",
            "silences": "figures",
            "check": "assessor",
            "indicator": "schools_connected_ratio",
            "department": "77",
            "territory": "Seine-et-Marne (77)",
        },
        MONITOR
        | {
            "summary": "Deux calculs diffèrent : « Lycées connectés au très haut débit »"
            " (schools_connected_ratio)",
            "description": "La somme des workers et le calcul de l’évaluateur diffèrent de"
            f" {difference} pour schools_connected_ratio, Seine-et-Marne (77). Ne pas publier ce"
            " chiffre avant un audit.",
            "runbook_url": "docs/runbooks/FiguresDiverge.md",
        },
    )


def test_figures_that_diverge_by_much(scenario: RuleScenario) -> None:
    """A large number has no exponent; the self-check says how many series."""
    scenario.healthy()
    euros = {"programme": "formation", "indicator": "grants_committed_euros"}
    work(
        scenario, metrics.INDICATOR_VALUE, (6_250_000, 60), **euros, department="77", partition="0"
    )
    expose(scenario, metrics.INDICATOR_ASSESSED_VALUE, 5_000_000, "77", **euros)
    work(scenario, metrics.REBUILD_MISMATCHES, (0, 20), (1, 40))
    divergence = OPERATOR | {"severity": "critical", "silences": "figures"}
    where = {"check": "assessor", "department": "77", "territory": "Seine-et-Marne (77)"}
    runbook = {"runbook_url": "docs/runbooks/FiguresDiverge.md"}
    scenario.expect_alert(
        40,
        "FiguresDiverge",
        divergence | where | {"indicator": "grants_committed_euros"},
        MONITOR
        | runbook
        | {
            "summary": "Deux calculs diffèrent : « Subventions engagées » (grants_committed_euros)",
            "description": "La somme des workers et le calcul de l’évaluateur diffèrent de"
            " 1\u202f250\u202f000 pour grants_committed_euros, Seine-et-Marne (77). Ne pas publier"
            " ce chiffre avant un audit.",
        },
        (
            divergence | {"check": "rebuild"},
            MONITOR
            | runbook
            | {
                "summary": "L’autocontrôle des workers trouve des écarts",
                "description": "1 série diffère quand les workers la recalculent à partir de leur"
                " état. Ne pas publier ces chiffres avant un audit.",
            },
        ),
    )


def test_watchdog(scenario: RuleScenario) -> None:
    """It says that it is no alarm."""
    scenario.expect_alert(
        30,
        "Watchdog",
        OPERATOR | {"severity": "info"},
        MONITOR
        | {
            "summary": "La chaîne d’alerte fonctionne",
            "description": (
                "Cette alerte se déclenche en permanence. C’est son absence qui doit être signalée."
            ),
            "runbook_url": "docs/runbooks/Watchdog.md",
        },
    )
