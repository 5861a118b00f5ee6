"""Facts about enrolments in digital training: enrolled, completed, abandoned."""

from __future__ import annotations

from typing import ClassVar

from events.code import Code
from events.fact import Fact, Family
from events.identifiers import Day, Department, PseudonymousId


class TrainingProgramme(Code, dimension="dispositif"):
    """The Région's training programmes."""

    DIGITAL_VOCATIONAL_TRAINING = (
        "digital_vocational_training",
        "Numérique et formation professionnelle",
    )
    SECOND_DIGITAL_CHANCE = "second_digital_chance", "2ème chance numérique"


class TrainingAudience(Code, dimension="public"):
    """Who is trained; the first three are the priority of the Région's promise."""

    JOB_SEEKER = "job_seeker", "Demandeurs d’emploi"
    EARLY_LEAVER = "early_leaver", "Jeunes en décrochage"
    LOW_QUALIFIED = "low_qualified", "Personnes peu qualifiées"
    EMPLOYEE = "employee", "Salariés"
    OTHER = "other", "Autres publics"


class TrainingFact(Fact):
    """A fact about one enrolment, known by a pseudonym."""

    FAMILY: ClassVar[Family] = Family.TRAININGS
    KEY: ClassVar[str] = "enrolment_id"

    enrolment_id: PseudonymousId


class TrainingEnrolled(TrainingFact):
    """Somebody has enrolled in a training of the programme."""

    NAME: ClassVar[str] = "training.enrolled"
    DAY: ClassVar[str] = "enrolled_on"

    enrolled_on: Day
    programme: TrainingProgramme
    audience: TrainingAudience
    department: Department


class TrainingCompleted(TrainingFact):
    """The training was followed to its end."""

    NAME: ClassVar[str] = "training.completed"
    DAY: ClassVar[str] = "completed_on"

    completed_on: Day


class TrainingAbandoned(TrainingFact):
    """The training was left before its end."""

    NAME: ClassVar[str] = "training.abandoned"
    DAY: ClassVar[str] = "abandoned_on"

    abandoned_on: Day
