"""Headers whose names are any bytes: Kafka takes them, and clients only offer text."""

from __future__ import annotations

from typing import Self


class HeaderName(str):
    """A header's name that is written as the given bytes."""

    __slots__ = ("written",)
    written: bytes

    def __new__(cls, written: bytes) -> Self:
        name = super().__new__(cls, written.decode(errors="replace"))
        name.written = written
        return name

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:  # noqa: ARG002
        return self.written
