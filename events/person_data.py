"""What looks like a person's data in what a producer sent: names of fields, and forms of values.

Numbers of social security (NIR) follow https://fr.wikipedia.org/wiki/Num%C3%A9ro_de_s%C3%A9curit%C3%A9_sociale_en_France:
15 digits, the last two of which are 97 minus the remainder of the first 13 by 97.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Final

from events.cloudevent import EVENT_MODELS
from events.fact import JSON
from events.registry import FACTS

__all__ = ["find_person_data", "shown_step"]

_Path = tuple[str | int, ...]

#: A field with one of these among its words: `nom_usage`, `emailContact`, `telephone`.
_WORDS: Final = frozenset(
    (
        *("nom", "noms", "patronyme", "name", "names", "forename", "nickname", "fullname"),
        *("mail", "mails"),
        *("tel", "phones", "mobile", "portable", "gsm"),
        *("nir", "ssn"),
        *("birth", "birthday", "birthplace", "dob"),
        *("adresse", "address"),
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
)
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

# Looked for from the at sign on, in both directions, with bounds: no text takes long.
_MAIL: Final = re.compile(r"(?<=[\w.%+'-])@[\w-]{1,63}(?:\.[\w-]{1,63}){0,7}\.[^\W\d_]{2,63}")

_ALONE: Final = r"(?<![0-9A-Za-z]){}(?![0-9A-Za-z])"
# Ten digits, or pairs set apart by one and the same sign; overseas numbers have codes of their own.
_PHONE: Final = re.compile(
    _ALONE.format(
        r"(?:0|(?:\+|00)(?:33|262|590|594|596)[ .-]?(?:\(0\)[ .-]?)?)"
        r"[1-9](?:[0-9]{8}|([ ./-])[0-9]{2}(?:\1[0-9]{2}){3})"
    )
)
_NIR: Final = re.compile(
    _ALONE.format(
        r"([1-478])[ .-]?([0-9]{2})[ .-]?(0[1-9]|1[0-2]|[2-9][0-9])[ .-]?"
        r"([0-9]{2}|2[AaBb])[ .-]?([0-9]{3})[ .-]?([0-9]{3})[ .-]?([0-9]{2})"
    )
)
# What both of them lie in, found faster than either: nothing but digits and what sets them apart.
_DIGITS: Final = re.compile(r"[0-9][0-9ABab ./()-]{9,}")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CORSICA: Final = {"2A": "19", "2B": "18"}
_SHOWN_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def find_person_data(content: JSON) -> str | None:
    """Return the path of the first field that looks like a person's data: `data.eleve.prenom`.

    `content` is an event's JSON, or anything that was sent in the place of one. A field does where
    its name is that of a person's name, mail, telephone, birth, address or social security number,
    unless the event's own contract has that field; or where its text holds a mail address, a
    French telephone number or a NIR. Never returns what it found, nor a name that may hold it.
    """
    if _is_plain(content):
        return None
    own = _contract_fields(content)
    for path, value in _fields(content):
        if _is_telling(value) or (path and path not in own and _is_telling_name(path[-1])):
            return ".".join(shown_step(step) for step in path) or "value"
    return None


def _is_plain(content: JSON) -> bool:
    """Whether nothing in it can be telling: nearly every event, in a third of the time.

    It has usual names only, and all its texts taken together hold nothing.
    """
    texts: list[str] = []
    waiting = [content]
    for value in waiting:
        if isinstance(value, str):
            texts.append(value)
        elif isinstance(value, dict):
            if not value.keys() <= _USUAL_NAMES:
                return False
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, int) and value >= _SHORTEST_NIR:
            return False
    # A line's end is in nothing that is looked for.
    return not _text_tells("\n".join(texts))


def _fields(content: JSON) -> Iterator[tuple[_Path, JSON]]:
    """Every part of a content with its path, in its order, however deep."""
    waiting: list[tuple[_Path, JSON]] = [((), content)]
    while waiting:
        path, value = waiting.pop()
        yield path, value
        if isinstance(value, dict):
            inner: list[tuple[_Path, JSON]] = [
                ((*path, name), part) for name, part in value.items()
            ]
        elif isinstance(value, list):
            inner = [((*path, place), part) for place, part in enumerate(value)]
        else:
            continue
        waiting += reversed(inner)


def _contract_fields(content: JSON) -> Collection[_Path]:
    """Where an event has the fields of its contract."""
    kind = content.get("type") if isinstance(content, dict) else None
    return _OWN_FIELDS.get(kind, ()) if isinstance(kind, str) else ()


_OWN_FIELDS: Final = {
    kind: frozenset(("data", name) for name in fact.model_fields) for kind, fact in FACTS.items()
}


_SHORTEST_NIR: Final = 10**14


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
    return isinstance(value, int) and _SHORTEST_NIR <= value < 10**15 and _has_nir(str(value))


def _text_tells(text: str) -> bool:
    text = _plain(text)
    if "@" in text and _MAIL.search(text):
        return True
    return any(
        _run_tells(text[max(run.start() - 2, 0) : run.end() + 1])
        for run in _DIGITS.finditer(text)
        if not _DAY.fullmatch(run[0])  # Nearly every event has two.
    )


def _run_tells(digits: str) -> bool:
    """Look at a run of digits, with a plus sign before it and what stands on either side."""
    return bool(_PHONE.search(digits)) or _has_nir(digits)


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
    if not _names_a_person(name)
)
"""Those of events and their contracts, without those that would tell elsewhere."""
