"""Trainings: pseudonymous enrolments in two programmes, most of them followed to their end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from random import Random

from events.identifiers import Department
from events.pseudonym import KEY_BYTES, PseudonymKey
from events.training import (
    TrainingAbandoned,
    TrainingAudience,
    TrainingCompleted,
    TrainingEnrolled,
    TrainingProgramme,
)
from simulation.chance import days_after, one_of
from simulation.emitter import Emitter
from simulation.figures import figures_by_department, region_figures
from simulation.times import LAST_DAY, working_day
from simulation.world import World

SECOND_CHANCE_SINCE = date(2017, 3, 1)
SECOND_CHANCE_SHARE = 0.45

COMPLETED_SHARE = 0.71
ABANDONED_SHARE = 0.19
TRAINING_DAYS = (45, 200)
ABANDONED_AFTER_DAYS = (5, 90)

KEY = PseudonymKey("k1", bytes(KEY_BYTES))
"""A public key: no person is behind these pseudonyms."""


def simulate_trainings(_world: World, chance: Random, emitter: Emitter) -> None:
    """Emit every enrolment and its outcome, as far as it is known by the last day."""
    region = region_figures()
    departments = {department: one.trainings for department, one in figures_by_department().items()}
    enrolments = region.curves.enrolments
    for number in range(int(enrolments.points[-1][1])):
        reached = enrolments.day_reaching(number + chance.random()) or LAST_DAY
        enrolled = _enrolment(working_day(reached), departments, chance)
        recorded = emitter.report(enrolled, chance, {"audience": TrainingAudience.OTHER})
        if recorded is not None:
            twice = {"enrolment_id": _pseudonym(chance)}
            emitter.retract(enrolled.model_copy(update=twice), recorded)
        _end(enrolled, chance, emitter)


def _enrolment(
    day: date, departments: Mapping[Department, float], chance: Random
) -> TrainingEnrolled:
    second_chance = day >= SECOND_CHANCE_SINCE and chance.random() < SECOND_CHANCE_SHARE
    region = region_figures()
    priority = chance.random() < region.curves.priority_audience.on(day)
    return TrainingEnrolled(
        enrolment_id=_pseudonym(chance),
        enrolled_on=day,
        programme=(
            TrainingProgramme.SECOND_DIGITAL_CHANCE
            if second_chance
            else TrainingProgramme.DIGITAL_VOCATIONAL_TRAINING
        ),
        audience=one_of(chance, region.priority_audiences if priority else region.other_audiences),
        department=one_of(chance, departments),
    )


def _pseudonym(chance: Random) -> str:
    return KEY.pseudonym(f"{chance.getrandbits(80):020x}")


def _end(enrolled: TrainingEnrolled, chance: Random, emitter: Emitter) -> None:
    fate = chance.random()
    completed_on = days_after(chance, enrolled.enrolled_on, *TRAINING_DAYS)
    abandoned_on = days_after(chance, enrolled.enrolled_on, *ABANDONED_AFTER_DAYS)
    if fate < COMPLETED_SHARE:
        completed = TrainingCompleted(
            enrolment_id=enrolled.enrolment_id, completed_on=working_day(completed_on)
        )
        emitter.send(completed, emitter.recorded(chance, completed.completed_on))
    elif fate < COMPLETED_SHARE + ABANDONED_SHARE:
        abandoned = TrainingAbandoned(
            enrolment_id=enrolled.enrolment_id, abandoned_on=working_day(abandoned_on)
        )
        emitter.send(abandoned, emitter.recorded(chance, abandoned.abandoned_on))
