"""What looks like a person's data in what a producer sent: names of fields, and forms of values.

Numbers of social security (NIR) follow https://fr.wikipedia.org/wiki/Num%C3%A9ro_de_s%C3%A9curit%C3%A9_sociale_en_France:
15 digits, the last two of which are 97 minus the remainder of the first 13 by 97. IBANs follow
ISO 13616, numbers of pupils and students (INE) the forms of the national directory (RNIE), of the
academies (BEA) and of apprentices (SIFA).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from types import NoneType
from typing import Final, TypeAlias

from events.cloudevent import EVENT_MODELS, Attributes
from events.fact import JSON
from events.identifiers import is_pseudonymous
from events.pseudonym import is_pseudonym
from events.registry import FACTS

__all__ = ["find_person_data", "shown_step"]


_Path: TypeAlias = "tuple[_Path | None, str | int]"
"""The last step of a path behind those before it, which it shares with its neighbours."""

#: A field with one of these among its words: `nom_usage`, `emailContact`, `telephone`.
_WORDS: Final = frozenset(
    (
        *("nom", "noms", "patronyme", "name", "names", "forename", "nickname", "fullname"),
        *("mail", "mails"),
        *("tel", "phones", "mobile", "portable", "gsm"),
        *("nir", "ssn", "ine", "iban", "rib"),
        *("birth", "birthday", "birthplace", "dob"),
        *("adresse", "address"),
        *("eleve", "etudiant", "etudiante", "apprenant", "apprenante", "stagiaire", "apprenti"),
        *("apprentie", "candidat", "candidate", "personne", "individu", "tuteur"),
        *("student", "pupil", "learner", "trainee", "apprentice", "applicant", "person"),
        *("guardian", "identity", "sexe", "sex", "gender", "nationality"),
    )
)
#: Longer ones that nothing else contains: `ddnaissance`, `studentemail`.
_PARTS: Final = (
    "prenom",
    "courriel",
    "email",
    "telephone",
    "phone",
    "naissance",
    "birthdate",
    "dateofbirth",
    "firstname",
    "lastname",
    "surname",
    "familyname",
    "givenname",
    "nomdefamille",
    "nomdusage",
    "securitesociale",
    "socialsecurity",
    "identite",
    "civilite",
    "nationalite",
)
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

# Looked for from the at sign on. What follows holds no other, and is read once: no text takes long.
_MAIL: Final = re.compile(r"(?<=[\w.%+'-])@[\w-]++(?:\.[\w-]++)*?\.[^\W\d_]{2}")
#: An at sign as addresses, pages, JSON and people write it.
_AT: Final = re.compile(
    r"%(?:25)*40|&(?:#0*64|#x0*40|commat);|\\[ux]0*40| ?[\[({<] ?(?:at|arobase) ?[\])}>] ?",
    re.IGNORECASE,
)
_DOT: Final = re.compile(
    r"%(?:25)*2e|&(?:#0*46|#x0*2e|period);| ?[\[({<] ?(?:dot|point) ?[\])}>] ?",
    re.IGNORECASE,
)

_ALONE: Final = r"(?<![0-9A-Za-z]){}(?![0-9A-Za-z])"
# Ten digits, or pairs set apart by one and the same sign; overseas numbers have codes of their own.
_PHONE: Final = re.compile(
    _ALONE.format(
        r"(?:0|(?:\+|00)(?:33|262|590|594|596)[ .-]?(?:\(0\)[ .-]?)?)"
        r"[1-9](?:[0-9]{8}|([ ./-])[0-9]{2}(?:\1[0-9]{2}){3})"
    )
)
#: Of any country, as ITU-T E.164 has it; fewer than ten digits are left to quantities.
_FOREIGN_PHONE: Final = re.compile(
    r"(?<![0-9A-Za-z])\+[1-9](?:[ ./()-]{0,2}[0-9]){9,14}(?![0-9A-Za-z])"
)
_NIR: Final = re.compile(
    _ALONE.format(
        r"([1-478])[ .-]?([0-9]{2})[ .-]?(0[1-9]|1[0-2]|[2-9][0-9])[ .-]?"
        r"([0-9]{2}|2[AaBb])[ .-]?([0-9]{3})[ .-]?([0-9]{3})[ .-]?([0-9]{2})"
    )
)
#: Without its key, in the groups in which it is written.
_NIR_IN_GROUPS: Final = re.compile(
    _ALONE.format(
        r"[1-478]([ .-])[0-9]{2}\1(?:0[1-9]|1[0-2]|[2-9][0-9])\1"
        r"(?:[0-9]{2}|2[AaBb])\1[0-9]{3}\1[0-9]{3}"
    )
)
_INE: Final = re.compile(
    _ALONE.format(r"(?:[0-9]{9}[A-HJK]{2}|[0-9]{10}[A-HJ-NPR-Z]|[0-9]{4}A[0-9]{5}[A-HJ-NPR-Z])")
)
_IBAN: Final = re.compile(_ALONE.format(r"[A-Z]{2}[0-9]{2}(?:[ -]?[0-9A-Z]){11,30}"))
#: How long the IBANs of a country are.
_IBAN_LENGTHS: Final = {
    **dict.fromkeys(("NO",), 15),
    **dict.fromkeys(("BE",), 16),
    **dict.fromkeys(("DK", "FI", "NL"), 18),
    **dict.fromkeys(("SI",), 19),
    **dict.fromkeys(("AT", "EE", "LT", "LU"), 20),
    **dict.fromkeys(("CH", "HR", "LI", "LV"), 21),
    **dict.fromkeys(("BG", "DE", "GB", "IE"), 22),
    **dict.fromkeys(("AD", "CZ", "DZ", "ES", "RO", "SE", "SK", "TN"), 24),
    **dict.fromkeys(("PT",), 25),
    **dict.fromkeys(("IS", "TR"), 26),
    **dict.fromkeys(("FR", "GR", "IT", "MC", "SM"), 27),
    **dict.fromkeys(("CY", "HU", "MA", "PL"), 28),
    **dict.fromkeys(("MT",), 31),
}
# What these lie in, or beside, found faster than each: nothing but digits and what sets them apart,
# from the first digit on, and not the days that nearly every event has. It begins with what a
# search passes over fastest, and then looks back.
_DIGITS: Final = re.compile(
    r"[0-9](?<![0-9][0-9])(?!(?<=2)0[1-9][0-9]-[0-9]{2}-[0-9]{2}(?![0-9ABab ./()-]))"
    r"[0-9ABab ./()-]{8,}"
)
_LONGEST_NIR: Final = 15
_LONGEST_INE: Final = 11
_CORSICA: Final = {"2A": "19", "2B": "18"}
#: A birth that is told in words, with its year; accents are gone, and lines are apart.
_BORN: Final = re.compile(
    r"\b(?:nee?|ne\(e\)|naissance|born|birth)\b.{0,20}?\b(?:19|20)[0-9]{2}\b", re.IGNORECASE
)
# What is one thing in a contract's own field or an attribute, and another in a field that nobody
# knows: a day before all facts, 13 digits.
_OLD_YEAR: Final = r"(?:19[0-9]{2}|200[0-9])"
_OLD_DAY: Final = re.compile(
    rf"(?=.{{9}})[0-9]{{1,2}}([/. -])[0-9]{{1,2}}\1{_OLD_YEAR}"
    rf"|{_OLD_YEAR}([/. -])[0-9]{{2}}\2[0-9]{{2}}"
)
_NIR_ALONE: Final = re.compile(r"[1-478][0-9]{2}(?:0[1-9]|1[0-2]|20)(?:[0-9]{2}|2[AaBb])[0-9]{6}")
_SHOWN_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def find_person_data(content: JSON) -> str | None:
    """Return the path of the first field that looks like a person's data: `data.contact.email`.

    `content` is an event's JSON, or anything that was sent in the place of one. A field does where
    its name is that of a person or of a person's name, mail, telephone, birth, address or number,
    unless the event's own contract has that field; where its text holds a mail address, a telephone
    number, a number of social security, of a pupil or of an account, or a birth; where nobody knows
    the field, and it is a day before all facts or may be a number of social security; and where it
    is that of a pseudonym and holds something else than `smart-region pseudonymise` makes. Never
    returns what it found, nor a name that may hold it. Takes a time that grows with the content.
    """
    if _is_plain(content):
        return None
    own = _contract_fields(content)
    for path, value in _fields(content):
        if _field_tells(path, value, own):
            return ".".join(_shown_steps(path)) or "value"
    return None


def _is_plain(content: JSON) -> bool:
    """Whether nothing in it can be telling: nearly every event, in a third of the time.

    It has usual names only, and all its texts taken together hold nothing.
    """
    texts: list[str] = []
    waiting = [content]
    for value in waiting:
        # By type, not by isinstance: what is no JSON is looked at more thoroughly.
        if type(value) is str:
            if value not in _USUAL_TEXTS:
                texts.append(value)
        elif type(value) is dict:
            if _USUAL_NAMES.issuperset(value):
                waiting += value.values()
            elif value.keys() - _USUAL_NAMES <= _PSEUDONYMS:
                waiting += _but_pseudonyms(value)
            else:
                return False
        elif type(value) is list:
            waiting += value
        elif type(value) not in _WITHOUT_TEXT and not _is_short(value):
            return False
    # A line's end is in nothing that is looked for.
    return not _text_tells("\n".join(texts), alone=True)


def _is_short(value: JSON) -> bool:
    return isinstance(value, int) and value < _SHORTEST_NIR


def _but_pseudonyms(fields: dict[str, JSON]) -> Iterable[JSON]:
    """Return the values of fields, but for pseudonyms: these hold nothing else."""
    for name, value in fields.items():
        if name not in _PSEUDONYMS:
            yield value
        elif not is_pseudonym(value):
            yield _TELLING


def _fields(content: JSON) -> Iterator[tuple[_Path | None, JSON]]:
    """Every part of a content with its path, in its order, however deep."""
    waiting: list[tuple[_Path | None, JSON]] = [(None, content)]
    while waiting:
        path, value = waiting.pop()
        yield path, value
        steps: Iterable[tuple[str | int, JSON]]
        if isinstance(value, dict):
            steps = value.items()
        elif isinstance(value, list):
            steps = enumerate(value)
        else:
            continue
        waiting += reversed([((path, name), part) for name, part in steps])


def _shown_steps(path: _Path | None) -> list[str]:
    steps: list[str] = []
    while path is not None:
        path, name = path
        steps.append(shown_step(name))
    return steps[::-1]


def _field_tells(path: _Path | None, value: JSON, own: Collection[str]) -> bool:
    if _is_telling(value):
        return True
    if path is None:
        return False
    before, name = path
    if name in _PSEUDONYMS and not isinstance(value, (dict, list)):
        return value is not None and not is_pseudonym(value)
    is_own = name in _ATTRIBUTES if before is None else before == (None, _DATA) and name in own
    if is_own:
        return False
    return _is_telling_name(name) or _tells_alone(value, is_extension=before is None)


def _contract_fields(content: JSON) -> Collection[str]:
    """What an event's contract has below `data`."""
    kind = content.get("type") if isinstance(content, dict) else None
    return _OWN_FIELDS.get(kind, ()) if isinstance(kind, str) else ()


_DATA: Final = "data"
_OWN_FIELDS: Final = {kind: frozenset(fact.model_fields) for kind, fact in FACTS.items()}
_ATTRIBUTES: Final = frozenset({*Attributes.model_fields, "type", _DATA})
_PSEUDONYMS: Final = frozenset(
    name
    for fact in FACTS.values()
    for name, field in fact.model_fields.items()
    if is_pseudonymous(field)
)

_SHORTEST_NIR: Final = 10**12
_TELLING: Final = _SHORTEST_NIR
"""Stands for what has to be looked at more thoroughly."""


def _is_telling_name(name: str | int) -> bool:
    if isinstance(name, int):
        return False
    # The same few names come with every event; long ones are not worth keeping.
    return _judged_name(name) if len(name) <= _USUAL_NAME else _judge_name(name)


def _judge_name(name: str) -> bool:
    return _names_a_person(name) or _text_tells(name)


_USUAL_NAME: Final = 64
_judged_name: Final = lru_cache(maxsize=1024)(_judge_name)


def _names_a_person(name: str) -> bool:
    plain = _plain(name[:200])
    words = [word.lower() for word in _WORD.findall(plain)]
    joined = "".join(words)
    return not _WORDS.isdisjoint(words) or any(part in joined for part in _PARTS)


def _is_telling(value: JSON) -> bool:
    if isinstance(value, str):
        return _text_tells(value)
    # A NIR may also have been sent as a number.
    # No quantity of a contract has 15 digits.
    return isinstance(value, int) and 10**14 <= value < 10**15 and _has_nir(str(value))


def _tells_alone(value: JSON, *, is_extension: bool) -> bool:
    """Judge the whole of a field that nobody knows; an extension may be a time in milliseconds."""
    if isinstance(value, int) and _SHORTEST_NIR <= value < 10 * _SHORTEST_NIR:
        value = str(value)
    if not isinstance(value, str) or len(value) > _LONGEST_ALONE:
        return False
    value = _plain(value).strip()
    return bool(_OLD_DAY.match(value) or (not is_extension and _NIR_ALONE.fullmatch(value)))


#: A day with a time behind it, and spaces around it.
_LONGEST_ALONE: Final = 64


def _text_tells(text: str, *, alone: bool = False) -> bool:
    """Tell whether a text holds a person's data; `alone`: or may where it is the whole of a field.

    Several texts may be judged together, each on a line of its own.
    """
    text = _plain(text)
    # Of all ways to ask for seven signs, this is the fastest.
    if (
        "%" in text
        or "&" in text
        or "\\" in text
        or "[" in text
        or "(" in text
        or "{" in text
        or "<" in text
    ):
        text = _DOT.sub(".", _AT.sub("@", text))
    if "@" in text and _MAIL.search(text):
        return True
    for run in _DIGITS.finditer(text):
        if _run_tells(text, *run.span(), alone=alone):
            return True
    return " " in text and bool(_BORN.search(text))


def _run_tells(text: str, start: int, end: int, *, alone: bool) -> bool:
    """Look at a run of digits and what stands on either side, as far as it may belong to it."""
    run = text[start:end]
    if run.isalnum():
        before, after = text[start - 1 : start], text[end : end + 1]
        if before.isalnum():  # What begins within a word can only be an account's number.
            return before.isupper() and _has_iban(text[max(start - 12, 0) : end + 16])
        if end - start > (_LONGEST_INE if after.isalnum() else _LONGEST_NIR):
            return False
    digits = text[max(start - 2, 0) : end + 3]
    if _PHONE.search(digits) or _has_nir(digits) or _NIR_IN_GROUPS.search(digits):
        return True
    if _INE.search(digits) or ("+" in digits and _FOREIGN_PHONE.search(digits)):
        return True
    if alone and (_OLD_DAY.search(run) or _NIR_ALONE.search(run)):
        return True
    return _has_iban(text[max(start - 12, 0) : end + 16])


def _has_iban(text: str) -> bool:
    return any(_is_iban(found[0]) for found in _IBAN.finditer(text))


def _is_iban(text: str) -> bool:
    letters = text.replace(" ", "").replace("-", "")
    length = _IBAN_LENGTHS.get(letters[:2], 0)
    if not length or len(letters) < length:
        return False
    digits = "".join(str(int(sign, 36)) for sign in letters[4:length] + letters[:4])
    return int(digits) % 97 == 1


def _has_nir(text: str) -> bool:
    return any(_key_is_right(*found) for found in _NIR.findall(text))


def _key_is_right(*parts: str) -> bool:
    *number, key = parts
    number[3] = _CORSICA.get(number[3].upper(), number[3])
    return 97 - int("".join(number)) % 97 == int(key)


class _PlainCharacters(dict[int, str | None]):
    """What a character is when all that only dresses it up is taken away: found once, then kept.

    Full-width digits and no-break spaces become digits and spaces, accented letters lose their
    accents; accents on their own and characters that nobody sees become nothing.
    """

    def __missing__(self, code: int) -> str | None:
        decomposed = unicodedata.normalize("NFKD", chr(code))
        plain = "".join(sign for sign in decomposed if unicodedata.category(sign) not in _NOTHING)
        found = plain or None
        if len(self) < _MOST_CHARACTERS:
            self[code] = found
        return found


#: Marks on letters, and format characters: zero-width ones, soft hyphens, directions.
_NOTHING: Final = frozenset({"Mn", "Mc", "Me", "Cf"})
_MOST_CHARACTERS: Final = 2**16
_PLAIN: Final = _PlainCharacters()


def _plain(text: str) -> str:
    """Return a text as the forms of values see it, in a time that grows with its length.

    The same as NFKD without marks and format characters. To decompose a whole text would also sort
    the marks of each run of them, in the square of the run's length, for marks that are then gone.
    """
    return text if text.isascii() else text.translate(_PLAIN)


def shown_step(step: str | int) -> str:
    """Return a step of a path, or … in the place of a name that may hold a person's data."""
    if isinstance(step, int) or (_SHOWN_NAME.fullmatch(step) and not _text_tells(step)):
        return str(step)
    return "…"


_USUAL_NAMES: Final = frozenset(
    name
    for model in (*EVENT_MODELS.values(), *FACTS.values())
    for name in model.model_fields
    if not _names_a_person(name) and name not in _PSEUDONYMS
)
"""Those of events and their contracts, without those that would tell elsewhere."""
_USUAL_TEXTS: Final = frozenset({*FACTS, "1.0", "application/json"})
_WITHOUT_TEXT: Final = frozenset({NoneType, bool, float})
"""What nearly every event says, in a third of its length."""
