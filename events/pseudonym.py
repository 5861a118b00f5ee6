"""Pseudonyms for persons: keyed, so that only who has the key can find out whose one is.

HMAC-SHA256 (RFC 2104) of what identifies the person, cut to 128 bits, after the key's id.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
import unicodedata
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final, Self

from boundary.errors import SmartRegionError
from boundary.private_files import new_private_file
from boundary.secret_file import refuse_open_file

__all__ = [
    "NoPersonError",
    "PseudonymKey",
    "PseudonymKeyError",
    "is_pseudonym",
    "load_key",
    "pseudonymise_lines",
    "write_new_key",
]

PREFIX: Final = "spk"
KEY_BYTES: Final = 32
PSEUDONYM_DIGITS: Final = 32
LONGEST_PERSON: Final = 1_000
"""Characters of what identifies a person; to compose accents takes the square of their number."""

_KEY_ID: Final = re.compile(r"[a-z][a-z0-9]{0,7}")
_PSEUDONYM: Final = re.compile(rf"{_KEY_ID.pattern}-[0-9a-f]{{{PSEUDONYM_DIGITS}}}")
_KEY: Final = re.compile(rf"{PREFIX}_({_KEY_ID.pattern})_([A-Za-z0-9_-]{{43}})")


class PseudonymKeyError(SmartRegionError):
    """A key that cannot be used; never shows it."""

    def __init__(self, place: object, *, problem: str, remedy: str) -> None:
        super().__init__(f"{place}: {problem}: {remedy}")


class NoPersonError(SmartRegionError):
    """A line that identifies nobody; never shows it."""

    def __init__(self, line: int, *, problem: str, remedy: str) -> None:
        self.line = line
        super().__init__(f"line {line}: {problem}: {remedy}")


class PseudonymKey:
    """A key with its id, such as `k1`. Never shows itself.

    The pseudonyms of two keys differ in their beginning: which key made one can be seen.
    """

    __slots__ = ("_key", "id")

    def __init__(self, key_id: str, key: bytes) -> None:
        if not _KEY_ID.fullmatch(key_id):
            raise PseudonymKeyError(
                "key id",
                problem="is not 1 to 8 lower-case letters and digits, a letter first",
                remedy="call keys k1, k2 and so on",
            )
        if len(key) != KEY_BYTES:
            raise PseudonymKeyError(
                "key", problem=f"has not {KEY_BYTES} bytes", remedy="make one with --new-key"
            )
        self.id = key_id
        self._key = key

    @classmethod
    def from_text(cls, text: str) -> Self | None:
        """Read a key as it is written in its file; None where it is not one."""
        found = _KEY.fullmatch(text)
        return cls(found[1], urlsafe_b64decode(found[2] + "=")) if found else None

    @classmethod
    def new(cls, key_id: str) -> Self:
        """Make a key from the system's randomness."""
        return cls(key_id, secrets.token_bytes(KEY_BYTES))

    def reveal(self) -> str:
        """The key as it is written in its file."""
        return f"{PREFIX}_{self.id}_{urlsafe_b64encode(self._key).decode().rstrip('=')}"

    def pseudonym(self, person: str) -> str:
        """The pseudonym of what identifies a person: `k1-` and 32 hexadecimal digits.

        The same person has to be written the same way: only spaces around it, and how accents are
        encoded, make no difference. Raises ValueError where nothing is left, and for a text of more
        than 1 000 characters.
        """
        if _is_too_long(person):
            message = f"nobody is identified by {len(person)} characters"
            raise ValueError(message)
        identity = unicodedata.normalize("NFC", person).strip()
        if not identity:
            message = "nobody has a pseudonym"
            raise ValueError(message)
        digest = hmac.digest(self._key, identity.encode(), sha256)
        return f"{self.id}-{digest.hex()[:PSEUDONYM_DIGITS]}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r}, '**********')"


def is_pseudonym(value: object) -> bool:
    """Tell whether something has the form of the pseudonyms that are made here."""
    return isinstance(value, str) and _PSEUDONYM.fullmatch(value) is not None


def load_key(file: Path) -> PseudonymKey:
    """Read the key of a file. Raises PseudonymKeyError, or OpenSecretError where others can."""
    refuse_open_file(file)
    try:
        text = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it is not ASCII"
        raise PseudonymKeyError(
            file, problem=f"cannot be read ({cause})", remedy="name the file of a key"
        ) from None
    key = PseudonymKey.from_text(text)
    if key is None:
        raise PseudonymKeyError(
            file,
            problem=f"is not a key, one line that begins with {PREFIX}_",
            remedy="make one with `smart-region pseudonymise --key FILE --new-key k1`",
        )
    return key


def write_new_key(file: Path, key_id: str) -> PseudonymKey:
    """Make a key and write it to a new file that only its owner reads.

    Raises PseudonymKeyError where the file is there already: a key that is lost takes the link
    between the persons and their pseudonyms with it.
    """
    key = PseudonymKey.new(key_id)
    try:
        descriptor = new_private_file(file)
    except OSError as error:
        raise PseudonymKeyError(
            file,
            problem=f"cannot be made ({error.strerror})",
            remedy="name a file that is not there yet, in a folder of yours",
        ) from None
    with os.fdopen(descriptor, "w", encoding="ascii") as opened:
        opened.write(f"{key.reveal()}\n")
    return key


def pseudonymise_lines(lines: Iterable[bytes], key: PseudonymKey) -> Iterator[str]:
    """The pseudonym of each line, in their order.

    Raises NoPersonError at a line that is blank, too long or no UTF-8: a line that was left out
    would shift all that follow.
    """
    for number, line in enumerate(lines, start=1):
        try:
            person = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise NoPersonError(
                number, problem="is not UTF-8", remedy="convert the file first"
            ) from None
        if _is_too_long(person):
            raise NoPersonError(
                number,
                problem=f"has more than {LONGEST_PERSON} characters",
                remedy="write one person a line",
            )
        try:
            yield key.pseudonym(person)
        except ValueError:
            raise NoPersonError(
                number, problem="is blank", remedy="remove it, or write who it is"
            ) from None


def _is_too_long(person: str) -> bool:
    return len(person.strip()) > LONGEST_PERSON
