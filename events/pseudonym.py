"""Keyed pseudonyms of persons, which cannot be attributed without the key.

A pseudonym is the key's id and the HMAC-SHA256 (RFC 2104) of the person's identity, truncated to
128 bits.
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
from boundary.private_files import new_private_file, refuse_open_file

PREFIX: Final = "spk"
KEY_BYTES: Final = 32
PSEUDONYM_DIGITS: Final = 32
LONGEST_PERSON: Final = 1_000
"""The maximum number of characters of an identity: normalisation takes quadratic time."""

LONGEST_LINE: Final = 64 * 1024
"""The maximum number of bytes of a line with an identity and the spaces around it."""

_KEY_ID: Final = re.compile(r"[a-z][a-z0-9]{0,7}")
_PSEUDONYM: Final = re.compile(rf"{_KEY_ID.pattern}-[0-9a-f]{{{PSEUDONYM_DIGITS}}}")
_KEY: Final = re.compile(rf"{PREFIX}_({_KEY_ID.pattern})_([A-Za-z0-9_-]{{43}})")


class PseudonymKeyError(SmartRegionError):
    """A key that cannot be used; the message does not contain it."""

    def __init__(self, where: object, *, problem: str, remedy: str) -> None:
        super().__init__(f"{where}: {problem}: {remedy}")


class NoPersonError(SmartRegionError):
    """A line without an identity; the message does not contain it."""

    def __init__(self, line: int, *, problem: str, remedy: str) -> None:
        self.line = line
        super().__init__(f"line {line}: {problem}: {remedy}")


class PseudonymKey:
    """A key with its id, such as `k1`; its representation does not contain it.

    A pseudonym begins with the id of its key.
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
        """Return the key in a file's text; None if it is not a key."""
        found = _KEY.fullmatch(text)
        return cls(found[1], urlsafe_b64decode(found[2] + "=")) if found else None

    @classmethod
    def new(cls, key_id: str) -> Self:
        """Return a new random key."""
        return cls(key_id, secrets.token_bytes(KEY_BYTES))

    def reveal(self) -> str:
        """Return the key as a file's text."""
        return f"{PREFIX}_{self.id}_{urlsafe_b64encode(self._key).decode().rstrip('=')}"

    def pseudonym(self, person: str) -> str:
        """Return the pseudonym of an identity: `k1-` and 32 hexadecimal digits.

        An identity must always be written the same way: only surrounding spaces and the encoding of
        accents are ignored. Raises ValueError for a blank text, and for more than 1 000 characters.
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
    """Return True for a value with the form of a pseudonym."""
    return isinstance(value, str) and _PSEUDONYM.fullmatch(value) is not None


def load_key(file: Path) -> PseudonymKey:
    """Return the key in a file. Raises PseudonymKeyError, or SmartRegionError for an open file."""
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
    """Write a new key to a new file that only its owner can read, and return it.

    Raises PseudonymKeyError if the file exists: overwriting a key would lose the link between
    persons and pseudonyms.
    """
    key = PseudonymKey.new(key_id)
    try:
        with os.fdopen(new_private_file(file), "w", encoding="ascii") as opened:
            try:
                opened.write(f"{key.reveal()}\n")
                opened.flush()
                # Without this, a power cut could leave pseudonyms without their key.
                os.fsync(opened.fileno())
            except BaseException:
                # A partial file is no key, and would prevent writing one.
                file.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise PseudonymKeyError(
            file,
            problem=f"cannot be made ({error.strerror})",
            remedy="name a file that is not there yet, in a folder of yours with room",
        ) from None
    return key


def pseudonymise_lines(lines: Iterable[bytes], key: PseudonymKey) -> Iterator[str]:
    """Yield the pseudonym of each line, in order.

    Raises NoPersonError at a line that is blank, too long or not UTF-8: a skipped line would shift
    all later ones.
    """
    for number, line in enumerate(lines, start=1):
        if len(line) > LONGEST_LINE:  # It may be truncated, even within a character.
            raise _too_long(number)
        try:
            person = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise NoPersonError(
                number, problem="is not UTF-8", remedy="convert the file first"
            ) from None
        if _is_too_long(person):
            raise _too_long(number)
        try:
            yield key.pseudonym(person)
        except ValueError:
            raise NoPersonError(
                number, problem="is blank", remedy="remove it, or write who it is"
            ) from None


def _too_long(number: int) -> NoPersonError:
    problem = f"has more than {LONGEST_PERSON} characters"
    return NoPersonError(number, problem=problem, remedy="write one person a line")


def _is_too_long(person: str) -> bool:
    return len(person.strip()) > LONGEST_PERSON
