"""Explanations: what the owners of the programmes say of their milestones, and take back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from random import Random
from typing import TypeAlias

from events.milestone import ExplanationKind, MilestoneExplained
from events.observation import Territory
from simulation.chance import days_after
from simulation.emitter import Emitter
from simulation.world import World

RECORDED_AFTER_DAYS = (0, 3)

Milestone: TypeAlias = tuple[str, str]
"""An indicator's id and a milestone's id."""

CONNECTED: Milestone = ("schools_connected_ratio", "all_connected")
EQUIPPED: Milestone = ("schools_equipped_ratio", "all_equipped")
WORKSPACES: Milestone = ("schools_workspace_ratio", "all_workspaces")
BROADBAND: Milestone = ("premises_connectable_ratio", "whole_territory")
SITES: Milestone = ("coworking_sites_supported", "sites_kept")
WORKSTATIONS: Milestone = ("workstations_created", "workstations_1145")
BUDGET: Milestone = ("grants_committed_euros", "budget_committed")

LYCEES = "Responsable du programme Lycées numériques"
TRES_HAUT_DEBIT = "Responsable du programme Très haut débit"
TIERS_LIEUX = "Responsable du programme Tiers-lieux"
FORMATION = "Responsable du programme Formation au numérique"

REGION = Territory.REGION
RESULT, CAUSE = ExplanationKind.RESULT, ExplanationKind.CAUSE
RISK, ACTION = ExplanationKind.RISK, ExplanationKind.ACTION


@dataclass(frozen=True, slots=True)
class Said:
    """What an owner says of a milestone in a territory on a day."""

    day: date
    role: str
    milestone: Milestone
    territory: Territory
    kind: ExplanationKind
    text: str
    wrongly: str | None = None
    """What the text was before its correction."""


SAID: tuple[Said, ...] = (
    Said(
        date(2016, 6, 13),
        LYCEES,
        CONNECTED,
        REGION,
        CAUSE,
        "Les marchés de raccordement ont été notifiés plus tard que prévu. Seuls les lycées dont la"
        " rue est déjà desservie par la fibre sont connectés pour l’instant.",
    ),
    Said(
        date(2016, 6, 13),
        LYCEES,
        CONNECTED,
        REGION,
        ACTION,
        "Les visites techniques de tous les lycées sont programmées avant la fin de 2016 ; les"
        " commandes suivent par lots de quarante.",
    ),
    Said(
        date(2016, 9, 12),
        TIERS_LIEUX,
        WORKSTATIONS,
        REGION,
        CAUSE,
        "Les 41 tiers-lieux existent, mais leurs extensions demandent des travaux. Les premiers"
        " projets ont été retenus au printemps : peu de postes ouvrent en 2016.",
    ),
    Said(
        date(2016, 11, 15),
        TRES_HAUT_DEBIT,
        BROADBAND,
        REGION,
        CAUSE,
        "Hors de Paris et des Hauts-de-Seine, le déploiement n’est pas assez rapide pour 100 % des"
        " locaux fin 2020. Les communes peu denses ne sont pas encore commencées.",
    ),
    Said(
        date(2017, 3, 20),
        TRES_HAUT_DEBIT,
        BROADBAND,
        Territory.SEINE_ET_MARNE,
        CAUSE,
        "Le département est vaste et peu dense : un local rural demande plusieurs fois plus de"
        " réseau qu’en petite couronne, et des appuis aériens restent à remplacer.",
    ),
    Said(
        date(2017, 3, 20),
        TRES_HAUT_DEBIT,
        BROADBAND,
        Territory.SEINE_ET_MARNE,
        ACTION,
        "La Région participe au financement du réseau d’initiative publique. Les communes dont le"
        " débit est le plus faible passent en premier.",
    ),
    Said(
        date(2017, 9, 18),
        LYCEES,
        CONNECTED,
        REGION,
        RESULT,
        "Plus d’un lycée sur trois est connecté. Le rythme atteint depuis l’été suffit pour"
        " l’échéance, sauf dans plusieurs départements de grande couronne.",
        wrongly="Plus d’un lycée sur deux est connecté. Le rythme atteint depuis l’été suffit pour"
        " l’échéance.",
    ),
    Said(
        date(2017, 11, 20),
        LYCEES,
        CONNECTED,
        Territory.VAL_D_OISE,
        CAUSE,
        "Une partie des lycées attend le réseau public du département : les travaux de génie civil"
        " ont commencé avec un an de retard.",
    ),
    Said(
        date(2018, 2, 12),
        LYCEES,
        CONNECTED,
        Territory.VAL_D_OISE,
        ACTION,
        "Les lycées proches d’un réseau d’opérateur sont raccordés sans attendre ; une réunion"
        " mensuelle suit les autres avec le département.",
    ),
    Said(
        date(2018, 4, 16),
        TIERS_LIEUX,
        SITES,
        REGION,
        CAUSE,
        "Un tiers-lieu a fermé à la fin de mars 2018 : son bail n’a pas été renouvelé. Quarante"
        " sites restent ouverts.",
        wrongly="Un tiers-lieu a fermé à la fin de mars 2018. Trente-neuf sites restent ouverts.",
    ),
    Said(
        date(2018, 6, 4),
        TIERS_LIEUX,
        SITES,
        REGION,
        ACTION,
        "Un repreneur est choisi et des locaux sont trouvés dans le même département. La"
        " réouverture est prévue à l’automne.",
    ),
    Said(
        date(2018, 9, 10),
        TIERS_LIEUX,
        WORKSTATIONS,
        REGION,
        RISK,
        "Un peu plus de la moitié des postes est créée. L’objectif suppose que les extensions"
        " votées ouvrent toutes avant la fin de 2020, sans marge pour un retard de chantier.",
    ),
    # The plan of equipment was at risk for more than two years before anything was said of it.
    Said(
        date(2018, 10, 1),
        LYCEES,
        EQUIPPED,
        REGION,
        CAUSE,
        "Le plan d’un lycée ne s’achève qu’avec sa dernière livraison. Les tablettes et les écrans"
        " sont livrés, mais le câblage des bâtiments anciens retarde les bornes Wi-Fi.",
    ),
    Said(
        date(2018, 10, 1),
        LYCEES,
        EQUIPPED,
        REGION,
        ACTION,
        "Un second marché de câblage est lancé. Les lycées auxquels il ne manque qu’une livraison"
        " sont servis d’abord.",
    ),
    Said(
        date(2018, 11, 12),
        TRES_HAUT_DEBIT,
        BROADBAND,
        Territory.PARIS,
        RESULT,
        "Tous les locaux recensés de Paris sont raccordables depuis le relevé de septembre 2018.",
    ),
    Said(
        date(2018, 11, 19),
        TIERS_LIEUX,
        SITES,
        REGION,
        RESULT,
        "Le site fermé en mars a rouvert le 5 novembre : les 41 tiers-lieux sont ouverts.",
    ),
    Said(
        date(2019, 6, 17),
        TRES_HAUT_DEBIT,
        BROADBAND,
        Territory.ESSONNE,
        CAUSE,
        "Les relevés de 2019 ne sont pas encore transmis. Le chiffre affiché est celui de la fin de"
        " 2018 : il ne dit rien des travaux de cette année.",
    ),
    Said(
        date(2019, 8, 26),
        TRES_HAUT_DEBIT,
        BROADBAND,
        Territory.PARIS,
        CAUSE,
        "Les relevés des opérateurs comptent des locaux qui n’étaient pas recensés. Le taux"
        " repasse sous 100 %, sans qu’un seul local ait perdu son accès.",
        wrongly="Des locaux de Paris ne sont plus raccordables ; la cause est recherchée.",
    ),
    Said(
        date(2020, 1, 13),
        LYCEES,
        CONNECTED,
        Territory.SEINE_SAINT_DENIS,
        RESULT,
        "Le raccordement des lycées de Seine-Saint-Denis s’est achevé à la fin de 2019, un an avant"
        " l’échéance.",
    ),
    Said(
        date(2020, 1, 20),
        LYCEES,
        WORKSPACES,
        REGION,
        RESULT,
        "L’espace numérique de travail est ouvert dans tous les lycées, un an avant l’échéance.",
    ),
    Said(
        date(2020, 2, 3),
        LYCEES,
        EQUIPPED,
        Territory.VAL_D_OISE,
        RISK,
        "À peine plus de la moitié des plans est achevée. Sans un second prestataire, un quart des"
        " lycées n’aura pas le sien à la fin de 2020.",
    ),
    Said(
        date(2020, 4, 6),
        TRES_HAUT_DEBIT,
        BROADBAND,
        REGION,
        RISK,
        "Les chantiers sont arrêtés depuis le 17 mars. Les rendez-vous en immeuble ne reprendront"
        " qu’après le confinement : au moins un trimestre est perdu.",
    ),
    Said(
        date(2020, 5, 11),
        TIERS_LIEUX,
        WORKSTATIONS,
        REGION,
        RISK,
        "Les dernières extensions ont perdu deux mois. Elles peuvent encore ouvrir avant la fin de"
        " l’année, si les chantiers reprennent en juin.",
    ),
    Said(
        date(2020, 10, 26),
        TRES_HAUT_DEBIT,
        BROADBAND,
        REGION,
        RISK,
        "100 % des locaux ne seront pas raccordables à la fin de 2020. Restent surtout des communes"
        " rurales de Seine-et-Marne et du Val-d’Oise.",
    ),
    Said(
        date(2020, 11, 9),
        LYCEES,
        EQUIPPED,
        REGION,
        RESULT,
        "Plus de huit lycées sur dix ont leur plan complet. Les autres seront équipés en 2021.",
    ),
    Said(
        date(2020, 11, 16),
        TRES_HAUT_DEBIT,
        BROADBAND,
        Territory.VAL_D_OISE,
        ACTION,
        "Deux équipes de plus travaillent dans le Vexin depuis octobre.\nLes communes qui restent"
        " ont chacune leur date de travaux.",
    ),
    Said(
        date(2020, 11, 23),
        FORMATION,
        BUDGET,
        REGION,
        RESULT,
        "Le montant engagé par les deux appels à projets dépasse 6,5 M€ : la promesse est tenue.",
    ),
    Said(
        date(2020, 11, 25),
        LYCEES,
        CONNECTED,
        Territory.SEINE_SAINT_DENIS,
        CAUSE,
        "Le lien d’un lycée est coupé depuis le 23 novembre par les travaux de l’établissement. Les"
        " autres lycées du département restent connectés.",
    ),
    Said(
        date(2020, 12, 7),
        TIERS_LIEUX,
        WORKSTATIONS,
        REGION,
        RESULT,
        "Le 1 145ᵉ poste est ouvert depuis novembre 2020 : l’objectif est atteint.",
    ),
)
"""In the order of their days. Nothing is said of the lycées' connection from the day on which it
is at risk again, in the summer of 2020, nor of the budget before it is committed."""

NEVER_SAID: tuple[Said, ...] = (
    Said(
        date(2018, 2, 12),
        LYCEES,
        CONNECTED,
        Territory.YVELINES,
        ACTION,
        "Une réunion mensuelle suit les lycées qui attendent le réseau public du département.",
    ),
    Said(
        date(2019, 5, 13),
        FORMATION,
        BUDGET,
        REGION,
        RISK,
        "Les crédits de l’appel à projets « 2ème chance numérique » risquent d’être annulés.",
    ),
)
"""Sent by mistake, for a wrong département and too early, and taken back."""


def simulate_explanations(_world: World, chance: Random, emitter: Emitter) -> None:
    """Emit what the owners say, with their corrections, and what they take back."""
    for said in SAID:
        wrongly = None if said.wrongly is None else {"text": said.wrongly}
        recorded = days_after(chance, said.day, *RECORDED_AFTER_DAYS)
        emitter.send_or_correct(_explained(said), recorded, wrongly)
    for said in NEVER_SAID:
        emitter.retract(_explained(said), days_after(chance, said.day, *RECORDED_AFTER_DAYS))


def _explained(said: Said) -> MilestoneExplained:
    indicator, milestone = said.milestone
    return MilestoneExplained(
        indicator=indicator,
        milestone=milestone,
        territory=said.territory,
        explained_on=said.day,
        kind=said.kind,
        text=said.text,
        author_role=said.role,
    )
