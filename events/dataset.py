"""Facts about the Région's open data: released, updated, probed, withdrawn."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from events.code import Code
from events.fact import Fact, Family
from events.identifiers import Count, Day, EntityId, Label
from events.territory import TERRITORY


class Theme(Code, dimension="thème"):
    """What a dataset is about."""

    TRANSPORT = "transport", "Transports"
    EDUCATION = "education", "Éducation"
    ECONOMY = "economy", "Économie"
    TERRITORY = "territory", "Territoire"
    ENVIRONMENT = "environment", "Environnement"
    ADMINISTRATION = "administration", "Administration"
    CULTURE = "culture", "Culture"


class Licence(Code, dimension="licence"):
    """Under which terms a dataset may be used again."""

    OPEN_LICENCE = "open_licence", "Licence ouverte"
    ODBL = "odbl", "ODbL"
    OTHER_OPEN = "other_open", "Autre licence ouverte"


class UpdateFrequency(Code, dimension="fréquence de mise à jour"):
    """How often its publisher promises to update a dataset."""

    DAILY = "daily", "Quotidienne"
    WEEKLY = "weekly", "Hebdomadaire"
    MONTHLY = "monthly", "Mensuelle"
    QUARTERLY = "quarterly", "Trimestrielle"
    ANNUAL = "annual", "Annuelle"
    IRREGULAR = "irregular", "Irrégulière"


class DataState(Code, dimension="état des données"):
    """The state in which a dataset's data were found, whatever its metadata say."""

    CURRENT = "current", "À jour"
    STALE = "stale", "Inchangées depuis trop longtemps"
    PARTIAL = "partial", "En partie inaccessibles"
    EMPTY = "empty", "Vides"
    UNAVAILABLE = "unavailable", "Inaccessibles"


class DatasetFact(Fact):
    """A fact about one dataset."""

    FAMILY: ClassVar[Family] = Family.DATASETS
    KEY: ClassVar[str] = "dataset_id"

    dataset_id: EntityId = Field(examples=["perimetre-des-lycees"])


class DatasetReleased(DatasetFact):
    """A dataset is open to all from this day on."""

    NAME: ClassVar[str] = "dataset.released"
    DAY: ClassVar[str] = "released_on"

    released_on: Day
    title: Label = Field(examples=["Périmètre des lycées"])
    theme: Theme
    publisher: Label = Field(examples=[f"Région {TERRITORY.name}"])
    licence: Licence
    update_frequency: UpdateFrequency


class DatasetUpdated(DatasetFact):
    """A dataset's content was brought up to date."""

    NAME: ClassVar[str] = "dataset.updated"
    DAY: ClassVar[str] = "updated_on"

    updated_on: Day


class DatasetWithdrawn(DatasetFact):
    """A dataset is no longer published."""

    NAME: ClassVar[str] = "dataset.withdrawn"
    DAY: ClassVar[str] = "withdrawn_on"

    withdrawn_on: Day


class DatasetProbed(DatasetFact):
    """A dataset's data were requested, at each of its addresses."""

    NAME: ClassVar[str] = "dataset.probed"
    DAY: ClassVar[str] = "probed_on"

    probed_on: Day
    data_state: DataState
    distributions: Count
    """The addresses that were requested."""
    failing_distributions: Count
    """Those of them that did not answer, or answered without data."""
    unchanged_days: Count
    """For how many days the data are known not to have changed; 0 if that is unknown."""
