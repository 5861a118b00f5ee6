"""Detects personal data in events, by field names and forms of values.

Social security numbers (NIR) follow https://fr.wikipedia.org/wiki/Num%C3%A9ro_de_s%C3%A9curit%C3%A9_sociale_en_France:
15 digits, the last two of which are 97 minus the remainder of the first 13 by 97. IBANs follow
ISO 13616, pupil and student numbers (INE) the forms of the national directory (RNIE), the academies
(BEA) and apprentices (SIFA).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from html.entities import html5
from typing import Final, TypeAlias
from urllib.parse import unquote

from events.cloudevent import Attributes
from events.document import data_beside
from events.fact import JSON
from events.identifiers import is_pseudonymous
from events.pseudonym import is_pseudonym
from events.registry import FACTS

_Path: TypeAlias = "tuple[_Path | None, str | int]"
"""A path as its last step and the path before it, which siblings share."""

_DECLARED: Final = data_beside(__file__)
#: Words of a field's name that mark personal data: `nom_usage`, `emailContact`, `telephone`.
_WORDS: Final = frozenset(_DECLARED["words"].split())
#: Longer words that no other name contains: `ddnaissance`, `studentemail`.
_PARTS: Final = tuple(_DECLARED["parts"].split())
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

# The search begins at the at sign. The rest contains no other one, so the time is linear.
_MAIL: Final = re.compile(
    r"@(?:(?<=[\w.%+'!#$*\"}-]@)|(?<=[\w.\"] @)) ?[\w-]++(?:\.[\w-]++)*?\.[^\W\d_]{2}"
)
#: The at sign and the dot as people write them to avoid automatic harvesting.
_AT: Final = re.compile(r" ?[\[({<] ?(?:at|arobase) ?[\])}>] ?| arobase ", re.IGNORECASE)
_DOT: Final = re.compile(r" ?[\[({<] ?(?:dot|point) ?[\])}>] ?", re.IGNORECASE)
_MAIL_IN_WORDS: Final = re.compile(
    r"(?:@ ?| at )[\w-]{1,63} (?:dot|point) [^\W\d_]{2,10}\b", re.IGNORECASE
)

# Characters as escaped in HTML, JSON and URLs.
_ESCAPED: Final = re.compile(
    r"&(?:#0*+(?P<decimal>[0-9]{1,7})|#[xX]0*+(?P<hex>[0-9a-fA-F]{1,6})|(?P<name>[A-Za-z]{2,31}));?"
    r"|\\[ux](?P<json>[0-9a-fA-F]{4}|[0-9a-fA-F]{2})"
)
_DECODED_TIMES: Final = 3

_ALONE: Final = r"(?<![0-9A-Za-z]){}(?![0-9A-Za-z])"
_COUNTRY: Final = r"(?:\+|00[ .-]?)(?:33|262|590|594|596)[ ./_-]?(?:\(0\)[ .-]?)?"
# Pairs with one separator or none, or in other usual groups; overseas numbers have their own codes.
_PHONE: Final = re.compile(
    _ALONE.format(
        rf"(?:(?:0|{_COUNTRY})[1-9](?:"
        r"\)?([ \t]{0,2}[./_+-]?[ \t]{0,2})[0-9]{2}(?:\1[0-9]{2}){3}"
        r"|(?:[ .-][0-9]{2}){4}"
        r"|[0-9]{2}([ .-])(?:[0-9]{3}\2[0-9]{3}|[0-9]{2}\2[0-9]{2}\2[0-9]{2})"
        r"|([ .-])[0-9]{3}\3[0-9]{3}\3[0-9]{2})"
        rf"|{_COUNTRY}[1-9](?:[ .-]?[0-9]){{8}}"
        r"|33[67][0-9]{8})"
    )
)
#: Of any country, by ITU-T E.164; numbers below ten digits may be quantities.
_FOREIGN_PHONE: Final = re.compile(
    r"(?<![0-9A-Za-z])\+[1-9](?:[ ./()_-]{0,2}[0-9]){9,14}(?![0-9A-Za-z])"
)
_NIR: Final = re.compile(
    _ALONE.format(
        r"([1-478])[ ._-]?([0-9]{2})[ ._-]?(0[1-9]|1[0-2]|[2-9][0-9])[ ._-]?"
        r"([0-9]{2}|2[AaBb])[ ._-]?([0-9]{3})[ ._-]?([0-9]{3})[ ._-]?([0-9]{2})"
    )
)
#: Without its key, in the usual groups.
_NIR_IN_GROUPS: Final = re.compile(
    _ALONE.format(
        r"[1-478]([ ._-])[0-9]{2}\1(?:0[1-9]|1[0-2]|[2-9][0-9])\1"
        r"(?:[0-9]{2}|2[AaBb])\1[0-9]{3}\1[0-9]{3}"
    )
)
_INE: Final = re.compile(
    _ALONE.format(
        r"(?:[0-9]{9}[A-HJKa-hjk]{2}|[0-9]{10}[A-HJ-NPR-Za-hj-npr-z]"
        r"|[0-9]{4}[Aa][0-9]{5}[A-HJ-NPR-Za-hj-npr-z])"
    )
)
_IBAN: Final = re.compile(_ALONE.format(r"[A-Z]{2}[0-9]{2}(?:[ ._-]?[0-9A-Z]){11,30}"))
#: Hexadecimal digits may look like this: matched without such letters around, or in groups of four.
_HEXADECIMAL: Final = re.compile(r"(?=[a-z]{2}[0-9]*[a-z])[0-9a-f]*")
_SMALL_IBAN: Final = re.compile(
    _ALONE.format(r"[a-z]{2}[0-9]{2}(?:[0-9a-z]{11,27}|(?: [0-9a-z]{4}){2,6}(?: [0-9a-z]{1,4})?)")
)
#: A French account number in its groups: bank, branch, account, key.
_RIB: Final = re.compile(
    _ALONE.format(r"([0-9]{5})([ ._-])([0-9]{5})\2([0-9A-Za-z]{11})\2([0-9]{2})")
)
_RIB_LETTERS: Final = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "12345678912345678923456789")
#: The length of the IBANs by country.
_IBAN_LENGTHS: Final = {
    country: length
    for length, countries in _DECLARED["iban_lengths"].items()
    for country in countries.split()
}
# The runs of digits and separators that contain these numbers, found faster than each number; days,
# which nearly every event has, are excluded. The pattern begins with the part that is fastest to
# search, and then looks back.
_DIGITS: Final = re.compile(
    r"[0-9](?<![0-9][0-9])(?!(?<=2)0[1-9][0-9]-[0-9]{2}-[0-9]{2}(?![0-9ABab ./()_+\t-]))"
    r"[0-9ABab ./()_+\t-]{8,}"
)
_LONGEST_NIR: Final = 15
_LONGEST_INE: Final = 11
_CORSICA: Final = {"2A": "19", "2B": "18"}
# Births in words; accents are removed, lines are separate, and `ne` is also a negation.
_DAY_OF_YEAR: Final = (
    r"(?:[0-9]{1,2}[/. -][0-9]{1,2}[/. -](?:[0-9]{4}|[0-9]{2})|[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"|[0-9]{1,2}(?:er|st|nd|rd|th)? [a-z]{3,9}\.? (?:(?:19|20)?[0-9]{2})"
    r"|[a-z]{3,9} [0-9]{1,2},? (?:19|20)[0-9]{2})\b"
)
_BORN: Final = re.compile(
    r"(?:\b(?:nee|born)\b|\bne(?:\(e\)|\.e)?(?= ?(?:le |en )?:? ?[0-9]| a )).{0,20}?"
    rf"(?:\b(?:19|20)[0-9]{{2}}\b|{_DAY_OF_YEAR})"
    rf"|\b(?:naissance|naiss|ddn|birth|dob)\b.{{0,20}}?{_DAY_OF_YEAR}",
    re.IGNORECASE,
)
#: Names of personal data with values, as in URLs, JSON and XML within a text.
_NAMED: Final = re.compile(r"""(?<![^\W_])([^\W\d]{2,30})(?:["'] ?[:=]|=|>)""")
#: Names that have other meanings within a text.
_ALSO_OTHERS: Final = frozenset(_DECLARED["ambiguous"].split())
#: The same in prose: `Nom : …`. A title may have another word before its colon.
_LABELLED: Final = re.compile(
    r"\b(?:noms?|prenoms?|nom de famille|e-?mail|courriel|tel(?:ephone)?|nir|eleve|stagiaire)"
    r" ?: ?\w",
    re.IGNORECASE,
)
#: Civilities: in a contract's free text only the first ones count, since M. Berthelot is a lycée.
_CIVILITY: Final = re.compile(r"\b(?:mme|mlle|mrs)\b\.? ?[^\W\d_]{2}", re.IGNORECASE)
_ANY_CIVILITY: Final = re.compile(
    r"\b(?:(?:M|MM|Mr)\b\.? |(?:[Mm]onsieur|[Mm]adame|MONSIEUR|MADAME|[Mm]ademoiselle) )"
    r"(?:[Ll]e |[Ll]a )?[A-Z]"
)
_STREET: Final = re.compile(
    r"(?<![\w.,-])[0-9]{1,4} ?(?:bis|ter|quater|[a-d])?,? ?\b(?:rue|avenue|av|bd|bld|boulevard"
    r"|place|allees?|chemin|impasse|quai|cours|square|passage|sentier|route|residence)\b[. ]+\w",
    re.IGNORECASE,
)
_WORDS_OF_TEXT: Final = re.compile(r"[^\W\d_]{2},?\s++[^\W\d_]{2}")
#: The characters of an identifying attribute without content.
_CODE: Final = re.compile(r"[A-Za-z0-9._:/-]*")
_BEGINS_AS_MARKUP: Final = ("{", "[", "<")
# Forms that are harmless in a contract's own field or an attribute, and personal data in an unknown
# field: a day before all facts, 13 digits.
_OLD_YEAR: Final = r"(?:19[0-9]{2}|200[0-9])"
_OLD_DAY: Final = re.compile(
    rf"(?=.{{9}})[0-9]{{1,2}}([/. -])[0-9]{{1,2}}\1{_OLD_YEAR}"
    rf"|{_OLD_YEAR}([/. -])[0-9]{{2}}\2[0-9]{{2}}"
)
_OLD_DAY_WITHIN: Final = re.compile(rf"(?<![0-9])(?:{_OLD_DAY.pattern})(?![0-9])")
_NIR_ALONE: Final = re.compile(r"[1-478][0-9]{2}(?:0[1-9]|1[0-2]|20)(?:[0-9]{2}|2[AaBb])[0-9]{6}")
_SHOWN_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def find_person_data(content: JSON) -> str | None:
    """Return the path of the first field that looks like personal data: `data.contact.email`.

    `content` is an event's JSON, or anything else that was sent. A field is reported if

    - its name means a person, or a person's name, mail, telephone, birth, address or number, unless
      the event's contract has that field;
    - its text contains a mail address, a telephone, social security, pupil or account number, a
      birth, a civility with a name, or such a field with its value;
    - it is unknown, or only identifies the event, and contains a street, a day before all facts, or
      a possible social security number;
    - it is an id or an extension of several words, or such a subject of an event about persons;
    - it is a pseudonym field with a value that `smart-region pseudonymise` does not produce.

    Returns neither the value nor a name that may contain it. The time is linear in the content.
    """
    kind = content.get("type") if isinstance(content, dict) else None
    kind = kind if isinstance(kind, str) else ""
    own, is_about_persons = _OWN_FIELDS.get(kind, frozenset()), kind in _ABOUT_PERSONS
    if _is_harmless_event(content, own):
        return None
    for path, value in _fields(content):
        if _is_personal_field(path, value, own, is_about_persons=is_about_persons):
            return ".".join(_shown_steps(path)) or "value"
    return None


def _is_harmless_event(content: JSON, own: frozenset[str]) -> bool:
    """Return True, quickly, for most events: flat ones with the names that their contract has.

    One search covers all their texts, since no pattern matches the end of a line.
    """
    if not isinstance(content, dict) or not content.keys() <= _ATTRIBUTES:
        return False
    data = content.get(_DATA)
    if not (isinstance(data, dict) and data.keys() <= own and _PSEUDONYMS.isdisjoint(data)):
        return False
    for name in _NAMING:
        code = content.get(name)
        if isinstance(code, str) and (not _CODE.fullmatch(code) or _OLD_DAY_WITHIN.search(code)):
            return False
    texts: list[str] = []
    for value in (*content.values(), *data.values()):
        if type(value) is str:
            texts.append(value)
        elif value is not data and (isinstance(value, (dict, list)) or _is_personal(value)):
            return False
    return not _has_personal_data("\n".join(texts))


def _fields(content: JSON) -> Iterator[tuple[_Path | None, JSON]]:
    """Yield every part of the content with its path, in order, at any depth."""
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


def _is_personal_field(  # noqa: PLR0911 - one for each kind of field
    path: _Path | None, value: JSON, own: Collection[str], *, is_about_persons: bool
) -> bool:
    if _is_personal(value):
        return True
    if path is None:
        return False
    before, name = path
    if name in _PSEUDONYMS and not isinstance(value, (dict, list)):
        return value is not None and not is_pseudonym(value)
    if before is None and isinstance(name, str):
        if name in _NAMING:
            has_words = name == "subject" and not is_about_persons
            return isinstance(value, str) and _is_personal_attribute(
                value, may_have_words=has_words
            )
        if name in _ATTRIBUTES:
            return False
        if isinstance(value, str) and _is_personal_attribute(value):
            return True
        return _is_personal_name(name) or _is_personal_alone(value, is_extension=True)
    if before == (None, _DATA) and name in own:
        return False
    return _is_personal_name(name) or _is_personal_alone(value, is_extension=False)


def _is_personal_attribute(text: str, *, may_have_words: bool = False) -> bool:
    """Return True if an identifying text is a comment, or contains personal data or fields."""
    if _CODE.fullmatch(text):
        return bool(_OLD_DAY_WITHIN.search(text))
    text = _plain(text)
    if text.lstrip().startswith(_BEGINS_AS_MARKUP):
        return True
    if not may_have_words and _WORDS_OF_TEXT.search(text):
        return True
    return bool(_OLD_DAY_WITHIN.search(text)) or _names_somebody(text)


def _names_somebody(text: str) -> bool:
    """Return True if a text outside a contract contains a person or an address."""
    return bool(_ANY_CIVILITY.search(text) or _STREET.search(text) or _LABELLED.search(text))


def has_words(text: str) -> bool:
    """Return True for a text with several words in a row, which may be a comment."""
    return bool(_WORDS_OF_TEXT.search(_plain(text)))


_DATA: Final = "data"
_OWN_FIELDS: Final = {kind: frozenset(fact.model_fields) for kind, fact in FACTS.items()}
_ABOUT_PERSONS: Final = frozenset(kind for kind, fact in FACTS.items() if fact.FAMILY.about_persons)
#: Attributes that identify the event or its subject, in a form that the producer chooses.
_NAMING: Final = ("id", "subject")
_ATTRIBUTES: Final = frozenset({*Attributes.model_fields, "type", _DATA})
_PSEUDONYMS: Final = frozenset(
    name
    for fact in FACTS.values()
    for name, field in fact.model_fields.items()
    if is_pseudonymous(field)
)

_SHORTEST_NIR: Final = 10**12


def _is_personal_name(name: str | int) -> bool:
    if isinstance(name, int):
        return False
    return _names_a_person(name[:_LONGEST_NAME]) or _has_personal_data(name)


_LONGEST_NAME: Final = 200


@lru_cache(maxsize=1024)  # Every event has the same few names.
def _names_a_person(name: str) -> bool:
    words = [word.lower() for word in _WORD.findall(_plain(name))]
    joined = "".join(words)
    return not _WORDS.isdisjoint(words) or any(part in joined for part in _PARTS)


def _is_personal(value: JSON) -> bool:
    if isinstance(value, str):
        return _has_personal_data(value)
    # A NIR may also have been sent as a number.
    # No quantity of a contract has 15 digits.
    if not isinstance(value, (int, float)) or not 10**14 <= abs(value) < 10**15:
        return False
    return value == int(value) and _has_nir(str(abs(int(value))))


def _is_personal_alone(value: JSON, *, is_extension: bool) -> bool:
    """Return True if an unknown field is personal data; an extension may be a time in ms."""
    if isinstance(value, (int, float)) and _SHORTEST_NIR <= abs(value) < 10 * _SHORTEST_NIR:
        value = str(abs(int(value)))
    if not isinstance(value, str):
        return False
    value = _plain(value)
    if _names_somebody(value):
        return True
    value = value.strip()
    if len(value) > _LONGEST_ALONE:
        return False
    return bool(_OLD_DAY.match(value) or (not is_extension and _NIR_ALONE.fullmatch(value)))


#: A day followed by a time, and surrounding spaces.
_LONGEST_ALONE: Final = 64


def _has_personal_data(text: str) -> bool:
    """Return True if a text contains personal data."""
    text = _plain(text)
    if _has_personal_form(text):
        return True
    if "%" in text or "&" in text or "\\" in text:
        decoded = _plain(_decoded(text))
        return decoded != text and _has_personal_form(decoded)
    return False


def _decoded(text: str) -> str:
    """Return a text without escapes of HTML, JSON and URLs, including nested ones."""
    for _ in range(_DECODED_TIMES):
        before = text
        if "%" in text:
            text = unquote(text)
        if "&" in text or "\\" in text:
            text = _ESCAPED.sub(_character, text)
        if text == before:
            break
    return text


def _character(found: re.Match[str]) -> str:
    if found["name"]:
        return html5.get(f"{found['name']};", found[0])
    code = int(found["decimal"] or 0) or int(found["hex"] or found["json"] or "0", 16)
    return chr(code) if 0 < code < 0x110000 else found[0]  # noqa: PLR2004 - Unicode's end


def _has_personal_form(text: str) -> bool:
    # The fastest test for several characters. Without one of these, neither pattern matches.
    if "[" in text or "(" in text or "{" in text or "<" in text or "arobase" in text.lower():
        text = _DOT.sub(".", _AT.sub("@", text))
    if "@" in text and _MAIL.search(text):
        return True
    for run in _DIGITS.finditer(text):
        if _is_personal_number(text, *run.span()):
            return True
    if " " in text and (
        _BORN.search(text) or _CIVILITY.search(text) or _MAIL_IN_WORDS.search(text)
    ):
        return True
    return ("=" in text or '"' in text or ">" in text or "'" in text) and _has_named(text)


def _has_named(text: str) -> bool:
    return any(
        name not in _ALSO_OTHERS and _names_a_person(name)
        for name in map(str.lower, _NAMED.findall(text))
    )


def _is_personal_number(text: str, start: int, end: int) -> bool:
    """Return True if a run of digits, with its surroundings, is a personal number."""
    run = text[start:end]
    if run.isalnum():
        before, after = text[start - 1 : start], text[end : end + 1]
        if before.isalnum():  # Within a word it can only be an account number.
            return before.isalpha() and _has_iban(text[max(start - 12, 0) : end + 16])
        if end - start > (_LONGEST_INE if after.isalnum() else _LONGEST_NIR):
            return False
    digits = text[max(start - 3, 0) : end + 3]
    if _PHONE.search(digits) or _has_nir(digits) or _NIR_IN_GROUPS.search(digits):
        return True
    if _INE.search(digits) or ("+" in digits and _FOREIGN_PHONE.search(digits)):
        return True
    if _has_rib(text[max(start - 3, 0) : end + 16]):
        return True
    return _has_iban(text[max(start - 12, 0) : end + 16])


def _has_iban(text: str) -> bool:
    if any(_is_iban(found[0]) for found in _IBAN.finditer(text)):
        return True
    return any(
        _is_iban(one)
        for one in (found[0] for found in _SMALL_IBAN.finditer(text))
        if " " in one or (_is_whole_iban(one) and not _HEXADECIMAL.fullmatch(one))
    )


def _is_whole_iban(text: str) -> bool:
    return len(text) == _IBAN_LENGTHS.get(text[:2].upper())


def _is_iban(text: str) -> bool:
    letters = "".join(filter(str.isalnum, text)).upper()
    length = _IBAN_LENGTHS.get(letters[:2], 0)
    if not length or len(letters) < length:
        return False
    digits = "".join(str(int(sign, 36)) for sign in letters[4:length] + letters[:4])
    return int(digits) % 97 == 1


def _has_rib(text: str) -> bool:
    return any(_is_rib(*found) for found in _RIB.findall(text))


def _is_rib(bank: str, _: str, branch: str, account: str, key: str) -> bool:
    digits = account.upper().translate(_RIB_LETTERS)
    return int(f"{bank}{branch}{digits}{key}") % 97 == 0


def _has_nir(text: str) -> bool:
    return any(_key_is_right(*found) for found in _NIR.findall(text))


def _key_is_right(*parts: str) -> bool:
    *number, key = parts
    number[3] = _CORSICA.get(number[3].upper(), number[3])
    return 97 - int("".join(number)) % 97 == int(key)


class _PlainCharacters(dict[int, str | None]):
    """The normalised form of each character, cached.

    Digits of every script become digits, no-break spaces a space, dashes a hyphen, full stops of
    other scripts and middle dots a full stop; accented letters lose their accents; separate accents
    and invisible characters are removed.
    """

    def __missing__(self, code: int) -> str | None:
        decomposed = unicodedata.normalize("NFKD", chr(code))
        found = "".join(map(_plain_sign, decomposed)) or None
        if len(self) < _MOST_CHARACTERS:
            self[code] = found
        return found


def _plain_sign(sign: str) -> str:
    if sign.isascii():
        return sign
    match unicodedata.category(sign):
        case "Nd":
            return str(unicodedata.digit(sign))
        case "Pd":
            return "-"
        case category if category in _NOTHING:
            return ""
        case _:
            return _SAME_AS.get(sign, sign)


#: Minus; Chinese and Japanese full stops; middle dots and bullets.
_SAME_AS: Final = {"\u2212": "-", "\u3002": ".", **dict.fromkeys("\u00b7\u2022\u2027\u30fb", ".")}
#: Marks on letters, and format characters: zero-width ones, soft hyphens, directions.
_NOTHING: Final = frozenset({"Mn", "Mc", "Me", "Cf"})
_MOST_CHARACTERS: Final = 2**16
_PLAIN: Final = _PlainCharacters()


def _plain(text: str) -> str:
    """Return the normalised text for matching the patterns, in linear time.

    It is NFKD without marks and format characters, with one dash, full stop and set of digits.
    Decomposing a whole text would sort runs of marks in quadratic time.
    """
    return text if text.isascii() else text.translate(_PLAIN)


def shown_step(step: str | int) -> str:
    """Return a step of a path, or … in place of a name that may contain personal data."""
    if isinstance(step, int) or (_SHOWN_NAME.fullmatch(step) and not _has_personal_data(step)):
        return str(step)
    return "…"
