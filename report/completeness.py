"""Whether the figures of a page are complete, in French."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Self

from catalogue.formatting import count_text, day_text, is_plural
from streams.assessor.assessor import AssessorSnapshot
from streams.queries.collector import STALE_SECONDS


@dataclass(frozen=True, slots=True)
class Completeness:
    """Whether all that was received is counted, and what is missing otherwise."""

    is_complete: bool
    text: str

    @classmethod
    def of(cls, snapshot: AssessorSnapshot) -> Self:
        """Return the completeness of figures as known now.

        What came a moment ago is not mentioned: it may be one person's enrolment.
        """
        if snapshot.unjudged:
            several = is_plural(snapshot.unjudged)
            missing = "indicateurs n’y sont pas" if several else "indicateur n’y est pas"
            return cls(
                is_complete=False,
                text="Chiffres incomplets : les workers ont un autre catalogue que cette page, et"
                f" {snapshot.unjudged} {missing}. L’exploitant est alerté.",
            )
        if snapshot.overdue:
            several = is_plural(snapshot.overdue)
            left = "évènements reçus ne sont" if several else "évènement reçu n’est"
            return cls(
                is_complete=False,
                text=f"Chiffres incomplets : {count_text(snapshot.overdue)} {left} pas encore"
                f" compté{'s' if several else ''}.",
            )
        age = max(snapshot.ages.values(), default=0.0)
        if age > STALE_SECONDS:
            return cls(
                is_complete=False,
                text="Chiffres peut-être dépassés : une partie n’a pas été confirmée depuis"
                f" {age:.0f} s.",
            )
        return cls(is_complete=True, text="Chiffres complets : tous les faits reçus sont comptés.")

    @classmethod
    def known_on(cls, day: date, *, has_persons: bool = True) -> Self:
        """Return the completeness of figures as known on a past day.

        Without `has_persons` those about persons are left out.
        """
        text = (
            f"Chiffres tels qu’ils étaient connus à la fin du {day_text(day)} : les faits"
            " enregistrés ensuite, corrections comprises, n’y sont pas."
        )
        if has_persons:
            text += " Les effectifs de personnes sont ceux de leur dernière publication."
        else:
            text += (
                " Les chiffres sur des personnes manquent : cette page n’a pas le droit de lire les"
                " évènements dont ils seraient comptés ; la note du mois et l’export les ont."
            )
        return cls(is_complete=has_persons, text=text)
