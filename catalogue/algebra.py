"""The measure algebra: count, sum, latest, fresh, ratio, share and observed, made into terms."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from boundary.diagnostic import Diagnostic, FieldPath, choose
from catalogue.observed import is_external, observed_measure
from catalogue.terms import FREQUENCY_DAYS, Expiry, Measure, Term, TermMode
from catalogue.vocabulary import (
    DEPARTMENT,
    FieldUse,
    carries_department,
    closed_fields,
    field_of,
    fields_of,
    is_money,
    resolve_field,
)
from events.observation import IndicatorObserved
from events.registry import FACTS_BY_NAME

CENTS_PER_EURO = 100

_TERM_FORMS = ("count", "sum", "latest", "fresh")
_FORMS = (*_TERM_FORMS, "ratio", "share", "observed")
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "count": ("count",),
    "sum": ("sum", "from"),
    "latest": ("latest", "from"),
    "fresh": ("fresh",),
    "ratio": ("of", "over"),
    "share": ("of", "among"),
    "observed": ("observed",),
}
_OPTIONAL: Mapping[str, tuple[str, ...]] = {
    "count": ("unless", "where", "within_days"),
    "sum": ("where", "within_days"),
    "latest": ("unless", "where", "within_days"),
    "fresh": ("unless", "where", "every", "within_days", "grace_days"),
    "ratio": (),
    "share": (),
    "observed": ("percent", "whole"),
}

_COUNTED = tuple(name for name in FACTS_BY_NAME if name != IndicatorObserved.NAME)

Where = tuple[tuple[str, frozenset[str]], ...]


class MeasureError(ValueError):
    """A measure that cannot be compiled, with every mistake in its declaration."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__("; ".join(f"{one.problem}: {one.remedy}" for one in diagnostics))
        self.diagnostics = tuple(diagnostics)


def compile_measure(declaration: object) -> Measure:
    """Compile a declared measure (plain data, as YAML gives it) to the plan that a worker folds.

    Raises `MeasureError` with all the mistakes of the declaration, not only the first.
    """
    compiler = _Compiler()
    measure = compiler.measure(declaration)
    if compiler.diagnostics or measure is None:
        raise MeasureError(compiler.diagnostics)
    return measure


def break_down(measure: Measure, field: str) -> Measure:
    """Split a measure by the values of a field, or by the keys of its amount when that is `field`.

    The denominator is split too where its facts carry the field; otherwise each category is set
    against the whole. Raises `MeasureError` where the numerator cannot be split.
    """
    problem = _undivided(measure.numerator, field)
    if not measure.additive:
        problem = ("divides what was observed as a whole", field, "leave breakdown out")
    if problem is not None:
        raise MeasureError([Diagnostic((), *problem)])
    over = measure.denominator
    if over is not None and _undivided(over, field) is None:
        over = replace(over, breakdown=field)
    return replace(measure, numerator=replace(measure.numerator, breakdown=field), denominator=over)


def has_department(measure: Measure) -> bool:
    """Return whether every term of a measure can be divided by département."""
    return all(carries_department(term.family) for term in measure.terms)


def in_money(term: Term) -> bool:
    """Return whether a term adds up euro cents."""
    return term.amount is not None and is_money(term.amount)


class _Compiler:
    """One pass over a declaration that collects mistakes instead of stopping at the first."""

    def __init__(self) -> None:
        self.diagnostics: list[Diagnostic] = []

    def measure(self, declared: object) -> Measure | None:
        form = self.form((), declared, _FORMS)
        if form is None or not isinstance(declared, Mapping):
            return None
        if form in _TERM_FORMS:
            term = self.term((), declared)
            if term is None:
                return None
            return Measure(term, divisor=CENTS_PER_EURO if in_money(term) else 1)
        if form == "observed":
            return self.observed(declared)
        self.only((), declared, (form,))
        parts = declared[form]
        if not isinstance(parts, Mapping):
            remedy = f"give it {' and '.join(_REQUIRED[form])}"
            self.refuse((form,), "is not a mapping", parts, remedy)
            return None
        self.keys((form,), parts, form)
        return self.ratio(parts) if form == "ratio" else self.share(parts)

    def ratio(self, parts: Mapping[str, object]) -> Measure | None:
        of, over = (
            self.term(("ratio", key), parts[key]) if key in parts else None
            for key in ("of", "over")
        )
        if of is None or over is None:
            return None
        if in_money(of) != in_money(over):
            problem = "divides euros by something else"
            remedy = "take both amounts in cents, or neither"
            amounts = " / ".join(term.amount or "count" for term in (of, over))
            self.refuse(("ratio",), problem, amounts, remedy)
        return Measure(of, over)

    def share(self, parts: Mapping[str, object]) -> Measure | None:
        among = self.term(("share", "among"), parts["among"]) if "among" in parts else None
        if among is None or "of" not in parts:
            return None
        of = parts["of"]
        if isinstance(of, Mapping) and any(form in of for form in _TERM_FORMS):
            return self.common(of, among)
        chosen = self.where(("share", "of"), of, among.facts)
        filtered = {field for field, _ in among.where}
        for field, _ in chosen:
            if field in filtered:
                remedy = "filter a field on one side only"
                self.refuse(("share", "of", field), "is filtered twice", of, remedy)
        return Measure(replace(among, where=tuple(sorted((*among.where, *chosen)))), among)

    def common(self, declared: Mapping[str, object], among: Term) -> Measure | None:
        """Read a share whose numerator has its own count, restricted to what `among` counts."""
        of = self.term(("share", "of"), declared)
        if of is None:
            return None
        if among != Term(among.family, among.facts, among.unless):
            problem = "counts by more than facts"
            remedy = "write count and unless alone, as the share's of is a count"
            self.refuse(("share", "among"), problem, ", ".join(among.facts), remedy)
        form = ", ".join(map(str, declared))
        if of.mode is not TermMode.REPLACE or of.amount is not None:
            remedy = "write count, or fields with the values to keep"
            self.refuse(("share", "of"), "adds up what is not entities", form, remedy)
        if of.expires is not None:
            remedy = "write count without within_days, or a ratio"
            self.refuse(("share", "of"), "counts for some days only", form, remedy)
        if of.family is not among.family:
            problem = f"is of another family than {among.facts[0]}"
            remedy = f"count facts of the family {among.family}, or write a ratio"
            self.refuse(("share", "of"), problem, ", ".join(of.facts), remedy)
        return Measure(replace(of, among=among), among)

    def observed(self, declared: Mapping[str, object]) -> Measure | None:
        """Read an external indicator, whose values are observed in each territory."""
        self.keys((), declared, "observed")
        name = declared["observed"]
        percent, whole = (self.flag(declared, key) for key in ("percent", "whole"))
        if percent and whole:
            problem = "is of numbers, and these are percentages"
            self.refuse(("whole",), problem, whole, "keep this one or percent")
        if not is_external(name):
            remedy = "write its identifier, as IND-042: at most 64 letters, digits and . _ -"
            self.refuse(("observed",), "is not an external indicator", name, remedy)
            return None
        return observed_measure(str(name), percent=percent, whole=whole)

    def term(self, path: FieldPath, declared: object) -> Term | None:
        form = self.form(path, declared, _TERM_FORMS)
        if form is None or not isinstance(declared, Mapping):
            return None
        before = len(self.diagnostics)
        self.keys(path, declared, form)
        given = {key: declared[key] for key in declared if key in _known_keys(form)}
        source = "from" if form in ("sum", "latest") else form
        facts = self.facts((*path, source), given[source]) if source in given else ()
        if not facts:
            return None
        term = Term(
            family=FACTS_BY_NAME[facts[0]].FAMILY,
            facts=facts,
            unless=self.unless((*path, "unless"), given["unless"], facts)
            if "unless" in given
            else (),
            mode=TermMode.ADD if form == "sum" else TermMode.REPLACE,
            amount=self.amount((*path, form), given[form], facts) if source == "from" else None,
            where=self.where((*path, "where"), given["where"], facts) if "where" in given else (),
            expires=self.expiry(path, given, form, facts),
        )
        return term if len(self.diagnostics) == before else None

    def form(self, path: FieldPath, declared: object, forms: tuple[str, ...]) -> str | None:
        """Return the form that a mapping declares: the one of the forms' keys that it has."""
        if not isinstance(declared, Mapping):
            remedy = f"write a mapping with one of {', '.join(forms)}"
            self.refuse(path, "is not a mapping", declared, remedy)
            return None
        found = [form for form in forms if form in declared]
        if len(found) == 1:
            return found[0]
        named = ", ".join(found or map(str, declared))
        problem = "has several forms" if found else "has no known form"
        self.refuse(path, problem, named, f"give it one of {', '.join(forms)}")
        return None

    def facts(self, path: FieldPath, declared: object) -> tuple[str, ...]:
        """Read one fact or a list of them, of one family; empty where one is wrong."""
        before = len(self.diagnostics)
        named = self.texts(path, declared, "fact")
        for inner, name in named:
            if name == IndicatorObserved.NAME:
                remedy = "write observed: and the indicator's identifier"
                self.refuse(inner, "is added up by others already", name, remedy)
            elif name not in _COUNTED:
                self.refuse(inner, "is not a known fact", name, choose(name, _COUNTED))
        if len(self.diagnostics) > before:
            return ()
        families = list(dict.fromkeys(FACTS_BY_NAME[name].FAMILY for _, name in named))
        if len(families) > 1:
            problem = f"mixes facts of the families {' and '.join(families)}"
            remedy = f"keep the facts of one family, for instance {families[0]}"
            self.refuse(path, problem, declared, remedy)
            return ()
        return tuple(name for _, name in named)

    def unless(self, path: FieldPath, declared: object, facts: tuple[str, ...]) -> tuple[str, ...]:
        ending = self.facts(path, declared)
        family = FACTS_BY_NAME[facts[0]].FAMILY
        if ending and FACTS_BY_NAME[ending[0]].FAMILY is not family:
            known = ", ".join(name for name, fact in FACTS_BY_NAME.items() if fact.FAMILY is family)
            problem = f"is of another family than {facts[0]}"
            self.refuse(path, problem, declared, f"write one of {known}")
        for name in ending:
            if name in facts:
                remedy = "let a fact either set the amount or end it"
                self.refuse(path, "ends what it sets", name, remedy)
        return ending

    def amount(self, path: FieldPath, declared: object, facts: tuple[str, ...]) -> str | None:
        """Read the field to add up: a whole number, or a mapping to whole numbers, of each fact."""
        numeric = [
            name
            for name in fields_of(facts[0])
            if all((use := field_of(fact, name)) is not None and use.numeric for fact in facts)
        ]
        for fact in facts:
            use = field_of(fact, declared) if isinstance(declared, str) else None
            if use is None or not use.numeric:
                problem = f"is not a field of {fact}" if use is None else "is not a whole number"
                remedy = choose(declared, numeric) if numeric else "count the facts instead"
                self.refuse(path, problem, declared, remedy)
                return None
        return str(declared)

    def where(self, path: FieldPath, declared: object, facts: tuple[str, ...]) -> Where:
        if not isinstance(declared, Mapping) or not declared:
            remedy = "write each field with the values to keep"
            self.refuse(path, "is not a mapping of fields to values", declared, remedy)
            return ()
        kept: list[tuple[str, frozenset[str]]] = []
        for name, values in declared.items():
            use = self.closed((*path, name), name, facts)
            if use is not None:
                kept.append((name, self.values((*path, name), values, use)))
        return tuple(sorted(kept))

    def closed(self, path: FieldPath, name: str, facts: tuple[str, ...]) -> FieldUse | None:
        """Return the closed field `name` that each of the facts carries or borrows."""
        uses = [resolve_field(fact, name) for fact in facts]
        if all(use is not None and use.closed for use in uses):
            return uses[0]
        lacking = facts[next(i for i, use in enumerate(uses) if use is None or not use.closed)]
        known = closed_fields(lacking)
        unknown = resolve_field(lacking, name) is None
        problem = f"is not a field of {lacking}" if unknown else "is not a closed list of values"
        self.refuse(path, problem, name, choose(name, known))
        return None

    def values(self, path: FieldPath, declared: object, use: FieldUse) -> frozenset[str]:
        if isinstance(declared, bool):
            declared = str(declared).lower()
        kept = self.texts(path, declared, "value")
        for inner, value in kept:
            if value not in use.choices:
                problem = f"is not a value of {use.name}"
                self.refuse(inner, problem, value, choose(value, use.choices))
        return frozenset(value for _, value in kept)

    def expiry(
        self, path: FieldPath, declared: Mapping[str, object], form: str, facts: tuple[str, ...]
    ) -> Expiry | None:
        days = self.days(path, "within_days", declared, at_least=1)
        grace = self.days(path, "grace_days", declared, at_least=0)
        every = declared.get("every")
        if every is not None:
            use = self.closed((*path, "every"), str(every), facts)
            if use is not None and not set(use.choices) <= set(FREQUENCY_DAYS):
                remedy = f"name a field whose values are among {', '.join(FREQUENCY_DAYS)}"
                self.refuse((*path, "every"), "is not a frequency", every, remedy)
        if form == "fresh" and (every is None) == ("within_days" not in declared):
            problem = "has no term" if every is None else "has two terms"
            remedy = "give either every (a field of frequency) or within_days (a number)"
            self.refuse(path, problem, every, remedy)
        if days is None and every is None:
            return None
        return Expiry(days, None if every is None else str(every), grace or 0)

    def days(
        self, path: FieldPath, key: str, declared: Mapping[str, object], *, at_least: int
    ) -> int | None:
        value = declared.get(key)
        if key not in declared:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and value >= at_least:
            return value
        problem = "is not a number of days"
        self.refuse((*path, key), problem, value, f"write a whole number, at least {at_least}")
        return None

    def texts(self, path: FieldPath, declared: object, noun: str) -> list[tuple[FieldPath, str]]:
        """Read one text or a list of them, each once, with the path of each."""
        given = (
            [((*path, index), text) for index, text in enumerate(declared)]
            if isinstance(declared, list)
            else [(path, declared)]
        )
        if not given:
            self.refuse(path, f"names no {noun}", declared, f"write at least one {noun}")
        texts: list[tuple[FieldPath, str]] = []
        for inner, text in given:
            if not isinstance(text, str):
                self.refuse(inner, "is not text", text, f"write a {noun}, in quotes if a number")
            elif any(text == other for _, other in texts):
                self.refuse(inner, "is there twice", text, "write it once")
            else:
                texts.append((inner, text))
        return texts

    def flag(self, declared: Mapping[str, object], key: str) -> bool:
        value = declared.get(key, False)
        if not isinstance(value, bool):
            self.refuse((key,), "is not true or false", value, "write true or false")
        return value is True

    def keys(self, path: FieldPath, declared: Mapping[str, object], form: str) -> None:
        """Refuse keys that a form does not have, and the lack of those that it needs."""
        self.only(path, declared, _known_keys(form))
        for key in _REQUIRED[form]:
            if key not in declared:
                remedy = f"a {form} needs {' and '.join(_REQUIRED[form])}"
                self.refuse((*path, key), "is missing", None, remedy)

    def only(self, path: FieldPath, declared: Iterable[str], known: Collection[str]) -> None:
        for key in declared:
            if key not in known:
                self.refuse((*path, key), "is not a known key here", key, choose(key, known))

    def refuse(self, path: FieldPath, problem: str, value: object, remedy: str) -> None:
        self.diagnostics.append(Diagnostic(path, problem, value, remedy))


def _known_keys(form: str) -> tuple[str, ...]:
    return (*_REQUIRED[form], *_OPTIONAL[form])


def _undivided(term: Term, field: str) -> tuple[str, object, str] | None:
    """Return why a term cannot be split by a field (problem, value, remedy); None where it can."""
    if field == DEPARTMENT:
        return "is the grain already", field, "write grain: department, and no breakdown"
    amount = None if term.amount is None else field_of(term.facts[0], term.amount)
    if amount is not None and amount.mapping:
        if field == amount.name and amount.choices:
            return None
        return f"is not the key of {amount.name}", field, f"write '{amount.name}'"
    for fact in term.facts:
        use = resolve_field(fact, field)
        if use is None or not use.closed:
            problem = f"is not a field of closed values of {fact}"
            known = [name for name in closed_fields(fact) if name != DEPARTMENT]
            return problem, field, choose(field, known) if known else "leave breakdown out"
    return None
