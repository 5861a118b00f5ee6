"""The Région from 2016 to 2020, told event by event from a seed."""

from events.simulation.period import FIRST_DAY, LAST_DAY
from events.simulation.record import RecordKind, SimulatedRecord
from events.simulation.simulator import simulate

__all__ = ["FIRST_DAY", "LAST_DAY", "RecordKind", "SimulatedRecord", "simulate"]
