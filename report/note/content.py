"""What the note of a month says, in French, from the standings that pages show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final
from urllib.parse import urlencode

from boundary.terminal import one_line
from catalogue.contacts import Contacts, is_nobody
from catalogue.explanations import SLIPPING
from catalogue.formatting import NO_BREAK, STATUSES, count_text, day_text, days_text
from catalogue.model import Indicator, Programme
from catalogue.progress import MilestoneStatus
from catalogue.territories import REGION, REGION_NAME, TERRITORY_NAMES
from report import reasons
from report.compare import ComparedRow, comparison_of
from report.evidence import EvidenceRow, evidence_of
from report.knowledge import Knowledge
from report.ledger import EventLedger
from report.note.document import (
    Block,
    Items,
    Note,
    NoteCell,
    NoteColumn,
    NoteReference,
    NoteRow,
    NoteSection,
    NoteTable,
    Paragraph,
    Picture,
    Pictures,
    Span,
)
from report.note.month import Month
from report.overview import PromiseRow, of_cells, overview_of
from report.pictures import history_chart, history_text, history_title, map_of, map_text, map_title
from report.standing import Standing, TextCell, attribution, moved_text, term_names, territory_text
from report.summary import summary_of
from report.view import KNOWN_ON, View
from report.words import entity_name

NAMED: Final = 3
"""How many of the entities that made a change are named."""
LONGEST_EXPLANATION: Final = 600
"""Characters of an explanation that are printed; the page has the whole of it."""
LONGEST_NAME: Final = 60
"""Characters of an entity's name that are printed."""
CHARTS: Final = 3
"""How many histories are on the first page: of the worst promises that need a decision."""
DECISIONS: Final = 6
"""How many promises that need a decision are named on the first page."""

_DATED: Final = (
    NoteColumn("Promesse"),
    NoteColumn("État"),
    NoteColumn("Valeur", numeric=True),
    NoteColumn("Cible", numeric=True),
    NoteColumn("Échéance"),
    NoteColumn("Projection"),
)
_OTHERS: Final = (
    NoteColumn("Promesse"),
    NoteColumn("État"),
    NoteColumn("Valeur", numeric=True),
    NoteColumn("Cible", numeric=True),
    NoteColumn("Échéance"),
    NoteColumn("Avancement", numeric=True),
    NoteColumn("Projection"),
)
_WITHOUT_TARGET: Final = (
    NoteColumn("Indicateur"),
    NoteColumn("Valeur", numeric=True),
    NoteColumn("Dernier relevé"),
)
_PACES: Final = (
    NoteColumn("Promesse"),
    NoteColumn("État"),
    NoteColumn("Rythme observé", numeric=True),
    NoteColumn("Rythme nécessaire", numeric=True),
    NoteColumn("Atteinte, si rien ne change"),
    NoteColumn("Retard", numeric=True),
)


@dataclass(frozen=True, slots=True)
class NoteRequest:
    """Which note: of a month, as known at the end of a day (UTC), of one programme or of all."""

    month: Month
    known_on: date
    programme: Programme | None = None
    contacts: Contacts | None = None
    """Where programmes' owners are reached; None: the note names their functions alone."""

    @property
    def view(self) -> View:
        """The figures of the month's last day, of the Région."""
        until = self.month.until
        return View(until, self.known_on, REGION, today=max(until, self.known_on))

    @property
    def path(self) -> str:
        """The note's page, from the first one's address."""
        own = {} if self.programme is None else {"programme": self.programme.id}
        return f"note/{self.month}?{urlencode({KNOWN_ON: self.known_on, **own})}"

    def has(self, programme: Programme) -> bool:
        """Return True where the note is about a programme."""
        return self.programme is None or programme.id == self.programme.id


def note_of(knowledge: Knowledge, ledger: EventLedger, request: NoteRequest) -> Note:
    """Return a month's note; `knowledge` is that of the request's day."""
    return _NoteWriter(knowledge, ledger, request).note()


class _NoteReferences:
    """The pages that a note refers to, numbered as they are first named."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._known: dict[str, NoteReference] = {}

    def evidence(self, standing: Standing) -> NoteReference:
        """Return the reference of a figure: the entities behind it."""
        query = self._view.of(standing.key).permanent()
        title = f"{standing.indicator.title}, {standing.territory}"
        return self._of(title, f"promesses/{standing.indicator.id}/preuves{query}")

    def explanations(self, standing: Standing) -> NoteReference:
        """Return the reference of what is said of a promise."""
        query = self._view.of(standing.key).permanent()
        title = f"{standing.indicator.title}, {standing.territory} : explications"
        return self._of(title, f"promesses/{standing.indicator.id}{query}#explications")

    def changes(self, standing: Standing, since: date) -> NoteReference:
        """Return the reference of a change: the entities that made it."""
        view = self._view.of(standing.key)
        query = view.query(as_of=view.as_of, known_on=view.known_on, since=since)
        title = f"{standing.indicator.title}, {standing.territory} : changement"
        return self._of(title, f"promesses/{standing.indicator.id}/changements{query}")

    def all(self) -> tuple[NoteReference, ...]:
        """Return all that were named."""
        return tuple(self._known.values())

    def _of(self, title: str, path: str) -> NoteReference:
        return self._known.setdefault(path, NoteReference(len(self._known) + 1, title, path))


class _NoteWriter:
    """Writes one note, section by section."""

    def __init__(self, knowledge: Knowledge, ledger: EventLedger, request: NoteRequest) -> None:
        self._knowledge = knowledge
        self._ledger = ledger
        self._request = request
        self._month = request.month
        self._view = request.view
        self._references = _NoteReferences(self._view)
        overview = overview_of(knowledge, self._view)
        rows = (row for group in overview.groups for row in group.rows)
        #: Worst first.
        self._rows = [row for row in rows if request.has(row.programme)]
        self._dated = [row for row in self._rows if row.standing.is_dated]
        #: Those that need a decision.
        self._slipping = [row for row in self._rows if row.standing.judgement.status in SLIPPING]
        self._departments = [
            of_cells(row.key, row.title, cells)
            for row in overview.departments
            if (cells := tuple(one for one in row.cells if self._has(one.indicator)))
        ]

    def note(self) -> Note:
        """Return the note."""
        programme = self._request.programme
        about = "toutes les promesses" if programme is None else programme.title
        return Note(
            title=f"Smart Région {REGION_NAME} : note {self._month.of_text}",
            subtitle=f"{about[0].upper()}{about[1:]}. Chiffres au {day_text(self._view.as_of)},"
            f" tels que connus à la fin du {day_text(self._request.known_on)} (UTC).",
            path=self._request.path,
            as_of=str(self._view.as_of),
            known_on=str(self._request.known_on),
            sections=(
                NoteSection("Où en sont les promesses", tuple(self._standing()), on_page_one=True),
                NoteSection(
                    "Ce qui demande une décision", tuple(self._decisions()), on_page_one=True
                ),
                NoteSection(f"Ce qui a changé en {self._month.text}", tuple(self._changed())),
                NoteSection("Rythmes, retards et départements", tuple(self._paces())),
                NoteSection("Ce que les responsables en disent", tuple(self._explained())),
                NoteSection("Les autres indicateurs", tuple(self._others())),
                NoteSection("Ce qui n’a pas été rapporté, et qui interroger", self._unreported()),
                NoteSection("Méthode et sources", tuple(self._method())),
            ),
            references=self._references.all(),
        )

    def _has(self, indicator: Indicator) -> bool:
        return self._request.has(self._knowledge.catalogue.programme_of(indicator.id))

    # The first page.

    def _standing(self) -> Iterator[Block]:
        dated = [row.standing for row in self._dated]
        summary = summary_of(self._knowledge, self._view, dated, self._month.since)
        yield Paragraph((Span(summary.standing, strong=True),))
        yield _text(f"{summary.decisions} {summary.changes}")
        if dated:
            yield NoteTable(
                f"Promesses datées de la Région au {day_text(self._view.as_of)}, la plus en retard"
                " d’abord",
                _DATED,
                tuple(
                    self._row(
                        row, _status(one), one.value, one.target, one.deadline, one.projection
                    )
                    for row in self._dated
                    for one in [row.standing]
                ),
            )

    def _pictures(self) -> Iterator[Picture]:
        day = self._view.as_of
        words = map_text(self._departments)
        if self._departments and (drawn := map_of(self._departments, day, words)):
            yield Picture(map_title(day), words, drawn)
        for row in self._slipping[:CHARTS]:
            one = row.standing
            words, prefix = history_text(one, day), f"histoire-{one.indicator.id}"
            chart = history_chart(one, day, prefix=prefix, description=words)
            yield Picture(history_title(one), words, chart)

    def _decisions(self) -> Iterator[Block]:
        if not self._slipping:
            yield _text("Aucune promesse de la Région n’est manquée ni à risque.")
        left = len(self._slipping) - DECISIONS
        items = [Paragraph(tuple(self._decision(row))) for row in self._slipping[:DECISIONS]]
        if left > 0:
            items.append(
                Paragraph((Span(f"{count_text(left)} autre{'s' if left > 1 else ''} plus loin."),))
            )
        if items:
            yield Items(tuple(items))
        if pictures := tuple(self._pictures()):
            yield Pictures(pictures)

    def _decision(self, row: PromiseRow) -> Iterator[Span]:
        one = row.standing
        yield Span(row.indicator.title, strong=True)
        said = one.unexplained or ("" if one.explained is None else "expliquée par le responsable")
        parts = (_status_word(one.judgement.status), _behind(one), said)
        line = f" : {', '.join(part for part in parts if part)}"
        yield Span(line, self._references.evidence(one))
        yield Span(f". À décider avec : {row.programme.owner}.")

    def _row(self, row: PromiseRow, *cells: TextCell | NoteCell) -> NoteRow:
        named = NoteCell(TextCell(row.indicator.title, note=row.programme.title))
        others = (one if isinstance(one, NoteCell) else NoteCell(one) for one in cells)
        return NoteRow((named, *others), self._references.evidence(row.standing))

    # What changed.

    def _changed(self) -> Iterator[Block]:
        compared = comparison_of(self._knowledge, self._view, self._month.since)
        rows = [row for row in compared.rows if self._request.has(row.programme)]
        moved = [row for row in rows if row.has_changed]
        if moved:
            yield Items(tuple(Paragraph(tuple(self._change(row))) for row in moved))
        still = [row.indicator.title for row in rows if not row.has_changed]
        if still:
            yield _text(f"Sans changement : {_joined(still)}.")

    def _change(self, row: ComparedRow) -> Iterator[Span]:
        before, after = row.before, row.after
        yield Span(row.indicator.title, strong=True)
        reference = self._references.changes(after, self._month.since)
        if row.change.reason:
            yield Span(f" : {_cell_text(row.was)}, puis {_cell_text(row.now)}", reference)
        else:
            parts = f" ({row.parts})" if row.parts else ""
            values = f"{row.change.text}, de {row.was.text} à {row.now.text}{parts}"
            yield Span(f" : {values}", reference)
        now, then = after.judgement.status, before.judgement.status
        if now != then:
            which = ""
            if before.milestone is not None and after.milestone != before.milestone:
                which = f" (jalon « {before.milestone.name} »)"
            yield Span(f". État : {_status_word(now)}, auparavant {_status_word(then)}{which}")
        yield Span(f". {self._makers(row.indicator)}")

    def _makers(self, indicator: Indicator) -> str:
        """Return which entities made the change of a month."""
        if indicator.publication is not None:
            return "Ce chiffre compte des personnes : aucune n’est montrée."
        found = evidence_of(
            self._ledger,
            indicator,
            None,
            self._view.as_of,
            self._request.known_on,
            since=self._month.since,
            limit=NAMED,
        )
        if not found.entities:
            return "Aucune entité n’a changé : seul l’état diffère."
        named = [_maker(indicator, one) for one in found.rows]
        left = found.entities - len(named)
        if left:
            shown = [_changes(one) for one in found.rows]
            over = found.numerator - sum(amount for amount, _ in shown)
            under = (found.denominator or 0) - sum(amount for _, amount in shown)
            moved = ", ".join(_moved(indicator, over, under)) or "0"
            named.append(f"{count_text(left)} autre{'s' if left > 1 else ''} ({moved})")
        return f"Par {' ; '.join(named)}."

    # What is behind, and by how much.

    def _paces(self) -> Iterator[Block]:
        if self._slipping:
            yield NoteTable(
                "Promesses de la Région manquées ou à risque",
                _PACES,
                tuple(
                    self._row(
                        row, _status(one), one.pace, one.required_pace, one.projection, _lost(one)
                    )
                    for row in self._slipping
                    for one in [row.standing]
                ),
            )
        passed = [Paragraph(tuple(self._passed(row, one))) for row, one in self._missed_before()]
        if passed:
            yield _text(
                "Jalons intermédiaires manqués, dont la cible n’est toujours pas atteinte :"
            )
            yield Items(tuple(passed))
        local = [Paragraph(tuple(spans)) for row in self._rows if (spans := list(self._local(row)))]
        if local:
            yield _text(
                "Départements où une promesse est manquée ou à risque ; retard au rythme observé :"
            )
            yield Items(tuple(local))

    def _missed_before(self) -> Iterator[tuple[PromiseRow, Standing]]:
        """Yield what is missed of milestones that others have followed: no table has these."""
        for row in self._rows:
            shown = row.standing
            department = shown.judgement.department
            for one in self._knowledge.of(row.indicator, department, self._view.as_of):
                is_missed = one.judgement.status is MilestoneStatus.MISSED
                if is_missed and one.milestone != shown.milestone:
                    yield row, one

    def _passed(self, row: PromiseRow, one: Standing) -> Iterator[Span]:
        yield Span(row.indicator.title, strong=True)
        if one.milestone is not None:
            yield Span(f" : {one.milestone.name}")
        line = f", {one.target.text} au {one.deadline.text} ; valeur actuelle : "
        yield Span(f"{line}{_cell_text(one.value)}", self._references.evidence(one))

    def _local(self, row: PromiseRow) -> Iterator[Span]:
        own = (
            self._knowledge.standing(row.indicator, department, self._view.as_of)
            for department in row.indicator.territories
            if department is not None
        )
        asked = [one for one in own if one.judgement.status in SLIPPING]
        asked.sort(key=lambda one: (-one.severity, one.judgement.value or 0, one.key))
        for position, one in enumerate(asked):
            if not position:
                yield Span(row.indicator.title, strong=True)
            line = f"{one.territory} {_status_word(one.judgement.status)}, {_cell_text(one.value)}"
            line = f"{line}, {_behind(one)}"
            if one.unexplained:
                line = f"{line}, {one.unexplained}"
            yield Span(f"{' ; ' if position else ' : '}{line}", self._references.evidence(one))

    # What owners say of it.

    def _explained(self) -> Iterator[Block]:
        """Yield the newest explanations of what is missed or at risk, and those of the month."""
        items = [one for row in self._rows if (one := self._explanations(row)) is not None]
        if items:
            yield Items(tuple(items))
        else:
            yield _text("Aucune promesse n’est à expliquer, et rien n’a été dit ce mois-ci.")

    def _explanations(self, row: PromiseRow) -> Paragraph | None:
        one = row.standing
        since = self._month.since if one.explained is None else one.explained.since
        said = [word for word in one.said if word.day >= since]
        newest = {word.kind: word for word in reversed(said)}
        if not newest and not one.unexplained:
            return None
        spans = [Span(row.indicator.title, strong=True)]
        if one.unexplained:
            spans.append(Span(f" : {one.unexplained}", self._references.explanations(one)))
        for position, word in enumerate(newest.values()):
            text = one_line(word.text, longest=LONGEST_EXPLANATION)
            lead = " ; " if position or one.unexplained else " : "
            words = f"{lead}{word.kind.word.lower()} ({attribution(word)}) : {text}"
            spans.append(Span(words, self._references.explanations(one)))
        return Paragraph(tuple(spans))

    # What was not reported.

    def _unreported(self) -> tuple[Block, ...]:
        items: list[Paragraph] = []
        withheld: list[Span] = []
        for row in self._rows:
            found: dict[str, list[Standing]] = {}
            for department in row.indicator.territories:
                one = self._knowledge.standing(row.indicator, department, self._view.as_of)
                if reason := _missing(one):
                    found.setdefault(reason, []).append(one)
            for reason, standings in found.items():
                where = _joined(TERRITORY_NAMES[one.key] for one in standings)
                if len(standings) == len(row.indicator.territories) > 1:
                    where = "Région et tous les départements"
                if reason == reasons.WITHHELD:
                    line = f"{' ; ' if withheld else ''}{row.indicator.title} ({where})"
                    withheld.append(Span(line, self._references.evidence(standings[0])))
                    continue
                items.append(
                    Paragraph(
                        (
                            Span(row.indicator.title, strong=True),
                            Span(f", {where} : {reason}", self._references.evidence(standings[0])),
                            Span(f". À demander : {self._whom(row.programme)}."),
                        )
                    )
                )
        complete = "Tous les chiffres de la Région et des départements ont été rapportés."
        blocks: list[Block] = [Items(tuple(items)) if items else _text(complete)]
        if withheld:
            lead = Span(
                "Comptent trop peu de personnes pour être publiés, et ne sont pas à demander : "
            )
            blocks.append(Paragraph((lead, *withheld, Span("."))))
        return tuple(blocks)

    def _whom(self, programme: Programme) -> str:
        contacts = self._request.contacts
        mail = () if contacts is None else contacts.owner(programme.id).mail
        reached = [one for one in mail if not is_nobody(one)]
        return f"{programme.owner} ({', '.join(reached)})" if reached else programme.owner

    # What has no day by which it must be kept.

    def _others(self) -> Iterator[Block]:
        rows = [row for row in self._rows if not row.standing.is_dated]
        held = [row for row in rows if row.standing.style is not None]
        others = [row for row in rows if row.standing.style is None]
        if held:
            yield NoteTable(
                "Promesses sans échéance",
                _OTHERS,
                tuple(
                    self._row(
                        row,
                        _status(one),
                        one.value,
                        one.target,
                        one.deadline,
                        one.progress,
                        one.projection,
                    )
                    for row in held
                    for one in [row.standing]
                ),
            )
        if others:
            yield NoteTable(
                "Indicateurs suivis sans cible chiffrée",
                _WITHOUT_TARGET,
                tuple(
                    self._row(row, row.standing.value, row.standing.last_reported) for row in others
                ),
            )

    # Method.

    def _method(self) -> Iterator[Block]:
        yield _text(
            "Chaque chiffre est la somme de faits datés que les systèmes de la Région envoient."
            " Un fait corrigé ou annulé change le chiffre de son jour ; cette note ne compte que ce"
            f" qui était enregistré à la fin du {day_text(self._request.known_on)} (UTC)."
        )
        yield _text(
            "Avancement : (valeur − valeur de départ) / (cible − valeur de départ), de 0 à 100"
            f"{NO_BREAK}%. Projection : jour où la cible serait atteinte au rythme observé, pente"
            " médiane (Theil–Sen) de la période ; la fourchette en donne le premier et le dernier"
            " quart. Le dernier chiffre affiché est coupé, jamais arrondi vers la cible. Un"
            " changement est la différence des valeurs affichées, qui ont plus de décimales là où"
            " elles seraient égales. « Hors d’atteinte » : le rythme n’atteint pas la cible, ou"
            " seulement dans plus de dix ans et après l’échéance."
        )
        yield _text(
            "Les chiffres qui comptent des personnes sont publiés à la fin de chaque période,"
            " arrondis, et ne le sont pas pour trop peu de personnes."
        )
        yield Items(
            tuple(
                Paragraph((Span(one.title, strong=True), Span(f" : {one.promise}")))
                for one in self._knowledge.catalogue.programmes
                if self._request.has(one)
            )
        )
        yield _text(
            "Un numéro entre crochets renvoie aux preuves : la page qui montre sur quoi reposent"
            " les chiffres de la ligne ou de la phrase."
        )


def _text(text: str) -> Paragraph:
    return Paragraph((Span(text),))


def _status(standing: Standing) -> NoteCell:
    note = ", ".join(one for one in (standing.status.note, standing.unexplained) if one)
    return NoteCell(replace(standing.status, note=note), standing.status_class)


def _status_word(status: MilestoneStatus | None) -> str:
    return "sans état" if status is None else STATUSES[status].word


def _cell_text(cell: TextCell) -> str:
    return cell.reason or cell.text


def _maker(indicator: Indicator, entity: EvidenceRow) -> str:
    """Return an entity that made a change, and by how much: `Lycée Galilée, Paris (+1)`."""
    name = one_line(entity_name(entity.key, entity.name), longest=LONGEST_NAME)
    if entity.department is not None:
        name = f"{name}, {territory_text(entity.department)}"
    return f"{name} ({', '.join(_moved(indicator, *_changes(entity)))})"


def _changes(entity: EvidenceRow) -> tuple[int, int]:
    """Return by how much an entity changed the numerator and the denominator."""
    under = (entity.denominator or 0) - (entity.denominator_before or 0)
    return entity.numerator - entity.numerator_before, under


def _moved(indicator: Indicator, over: int, under: int) -> Iterator[str]:
    """Yield by how much each term changed, and which: `heures occupées −320`."""
    names = term_names(indicator) if indicator.measure.denominator is not None else ()
    parts = ("au numérateur", "au dénominateur")
    for number, amount in enumerate((over, under)):
        if amount:
            line = moved_text(indicator, amount)
            if names:
                line = f"{names[number]} {line}"
            elif under:
                line = f"{line} {parts[number]}"
            yield line


def _lost(standing: Standing) -> TextCell:
    """Return the days between the deadline and the day projected, or those that have passed."""
    late = standing.days_lost
    if late is not None:
        return TextCell(days_text(late))
    milestone, judgement = standing.milestone, standing.judgement
    if judgement.status is MilestoneStatus.MISSED and milestone is not None and milestone.day:
        return TextCell(f"déjà {days_text((standing.as_of - milestone.day).days)}")
    return TextCell.empty("sans jour projeté" if standing.projection.reason else "aucun")


def _behind(standing: Standing) -> str:
    """Return by how much a figure is late, or why it is at risk without a day that is."""
    late = _lost(standing)
    if standing.days_lost is not None or standing.judgement.status is MilestoneStatus.MISSED:
        return f"retard de {late.text}"
    if standing.projection.reason:
        return standing.projection.reason
    return f"projetée le {standing.projection.text}, trop près de l’échéance"


def _missing(standing: Standing) -> str:
    """Return what is missing of a figure; empty where nothing is."""
    if standing.value.reason:
        return standing.value.reason
    if reasons.is_outdated(standing.judgement):
        return f"non renseigné depuis le {standing.last_reported.text}"
    return ""


def _joined(words: Iterable[str]) -> str:
    """Return words as a French enumeration: `a, b et c`."""
    found: Sequence[str] = list(words)
    if len(found) < 2:  # noqa: PLR2004 - one word alone
        return "".join(found)
    return f"{', '.join(found[:-1])} et {found[-1]}"
