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

_TOO_LONG: Final = f"has more than {LONGEST_PERSON} characters: write one person a line"
_KEY_ID: Final = re.compile(r"[a-z][a-z0-9]{0,7}")
_PSEUDONYM: Final = re.compile(rf"{_KEY_ID.pattern}-[0-9a-f]{{{PSEUDONYM_DIGITS}}}")
_KEY: Final = re.compile(rf"{PREFIX}_({_KEY_ID.pattern})_([A-Za-z0-9_-]{{43}})")


class PseudonymKey:
    """A key with its id, such as `k1`; its representation does not contain it.

    A pseudonym begins with the id of its key.
    """

    __slots__ = ("_key", "id")

    def __init__(self, key_id: str, key: bytes) -> None:
        if not _KEY_ID.fullmatch(key_id):
            raise SmartRegionError(
                "key id: is not 1 to 8 lower-case letters and digits, a letter first:"
                " call keys k1, k2 and so on"
            )
        if len(key) != KEY_BYTES:
            raise SmartRegionError(f"key: does not have {KEY_BYTES} bytes: make one with --new-key")
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
        if len(person.strip()) > LONGEST_PERSON:
            raise ValueError(_TOO_LONG)
        identity = unicodedata.normalize("NFC", person).strip()
        if not identity:
            message = "is blank: remove it, or write who it is"
            raise ValueError(message)
        digest = hmac.digest(self._key, identity.encode(), sha256)
        return f"{self.id}-{digest.hex()[:PSEUDONYM_DIGITS]}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r}, '**********')"


def is_pseudonym(value: object) -> bool:
    """Return True for a value with the form of a pseudonym."""
    return isinstance(value, str) and _PSEUDONYM.fullmatch(value) is not None


def load_key(file: Path) -> PseudonymKey:
    """Return the key in a file, which no other user may read. Raises SmartRegionError."""
    refuse_open_file(file)
    try:
        text = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it is not ASCII"
        raise SmartRegionError(
            f"{file}: cannot be read ({cause}): name the file of a key"
        ) from None
    key = PseudonymKey.from_text(text)
    if key is None:
        raise SmartRegionError(
            f"{file}: is not a key, one line that begins with {PREFIX}_: make one with"
            " `smart-region pseudonymise --key FILE --new-key k1`"
        )
    return key


def write_new_key(file: Path, key_id: str) -> PseudonymKey:
    """Write a new key to a new file that only its owner can read, and return it.

    Raises SmartRegionError if the file exists: overwriting a key would lose the link between
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
        raise SmartRegionError(
            f"{file}: cannot be created ({error.strerror}): name a new file, in a folder of yours"
            " with room"
        ) from None
    return key


def pseudonymise_lines(lines: Iterable[bytes], key: PseudonymKey) -> Iterator[str]:
    """Yield the pseudonym of each line, in order.

    Raises SmartRegionError, which does not repeat the line, at a line that is blank, too long or
    not UTF-8: a skipped line would shift all later ones.
    """
    for number, line in enumerate(lines, start=1):
        if len(line) > LONGEST_LINE:  # It may be truncated, even within a character.
            raise SmartRegionError(f"line {number}: {_TOO_LONG}")
        try:
            pseudonym = key.pseudonym(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        except UnicodeDecodeError:
            raise SmartRegionError(f"line {number}: is not UTF-8: convert the file first") from None
        except ValueError as error:
            raise SmartRegionError(f"line {number}: {error}") from None
        yield pseudonym
