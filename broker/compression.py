"""Bounded decompression of Kafka's record batches.

Both clients use it, so that a worker and an audit read the same records. The clients' own code has
no bound: a batch of 1 MiB may decompress to gigabytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from enum import IntEnum
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final

from boundary.errors import SmartRegionError

MAX_UNPACKED_BYTES: Final = 64 * 1024 * 1024
"""The limit of one batch: 250 of the largest events, and small enough for a worker's memory."""

_XERIAL_MAGIC: Final = b"\x82SNAPPY\x00"
_XERIAL_HEADER_BYTES: Final = 16
_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS


class Codec(IntEnum):
    """The compression codec of a batch, as numbered in the batch's attributes."""

    GZIP = 1
    SNAPPY = 2
    LZ4 = 3
    ZSTD = 4


#: The Python library for a codec; gzip is part of Python.
_LIBRARIES: Final[Mapping[Codec, str]] = MappingProxyType(
    {Codec.SNAPPY: "cramjam", Codec.LZ4: "lz4.frame", Codec.ZSTD: "zstandard"}
)
_DISTRIBUTIONS: Final[Mapping[Codec, str]] = MappingProxyType(
    {Codec.SNAPPY: "cramjam", Codec.LZ4: "lz4", Codec.ZSTD: "zstandard"}
)


class CodecUnreadableError(SmartRegionError):
    """Records are compressed with a codec that this installation cannot decompress."""

    def __init__(self, codec: int) -> None:
        if codec in set(Codec):
            known = Codec(codec)
            name, problem = known.name.lower(), f"{_DISTRIBUTIONS[known]} is not installed"
            remedy = (
                f"install {_DISTRIBUTIONS[known]} (it is among what smart-region requires), or "
                "have the records compressed otherwise"
            )
        else:
            name, problem = str(codec), "Kafka's codecs are 1 to 4 here"
            remedy = "update smart-region, or set the topic's compression.type to one of these"
        super().__init__(
            f"compression: records cannot be read, value {name!r} ({problem}): {remedy}"
        )


class BatchUnreadableError(ValueError):
    """The records of one batch cannot be decompressed; other batches are unaffected."""


def readable_codecs() -> Mapping[Codec, bool]:
    """Return for each codec whether this installation can decompress it."""
    return {codec: _library(codec) is not None for codec in Codec}


def unpack(codec: int, packed: bytes, *, most: int = MAX_UNPACKED_BYTES) -> bytes:
    """Return the decompressed records of a batch.

    Like the broker, ignores bytes after the first whole stream. Raises CodecUnreadableError, or
    BatchUnreadableError if the batch is damaged or decompresses to more than `most` bytes.
    """
    if codec not in _UNPACK:
        raise CodecUnreadableError(codec)
    library = _library(Codec(codec))
    if library is None:
        raise CodecUnreadableError(codec)
    try:
        unpacked = _UNPACK[codec](library, packed, most)
    except BatchUnreadableError:
        raise
    except Exception as error:
        # Each library raises its own errors, some of them a plain RuntimeError.
        name = Codec(codec).name.lower()
        message = f"is not valid {name} ({error})"
        raise BatchUnreadableError(message) from error
    if len(unpacked) > most:
        raise _too_large(most)
    return unpacked


def _too_large(most: int) -> BatchUnreadableError:
    return BatchUnreadableError(f"unpacks to more than {most} bytes")


def _library(codec: Codec) -> Any:  # noqa: ANN401 - modules without types
    if codec is Codec.GZIP:
        return zlib
    try:
        return import_module(_LIBRARIES[codec])
    except ImportError:
        return None


def _gzip(library: Any, packed: bytes, most: int) -> bytes:  # noqa: ANN401
    parts: list[bytes] = []
    room = most + 1
    while room > 0:
        member = library.decompressobj(_GZIP_WINDOW)
        part = member.decompress(packed, room)
        parts.append(part)
        room -= len(part)
        packed = member.unused_data
        if not packed.startswith(_GZIP_MAGIC):
            break
    return b"".join(parts)


def _snappy(library: Any, packed: bytes, most: int) -> bytes:  # noqa: ANN401
    if not packed.startswith(_XERIAL_MAGIC):
        return _snappy_block(library, packed, most)
    parts: list[bytes] = []
    at, room = _XERIAL_HEADER_BYTES, most
    while at < len(packed):
        if packed.startswith(_XERIAL_MAGIC, at):  # Streams may follow each other.
            at += _XERIAL_HEADER_BYTES
            continue
        size = int.from_bytes(packed[at : at + 4], "big", signed=True)
        try:
            part = _snappy_block(library, packed[at + 4 : at + 4 + max(size, 0)], room)
        except library.DecompressionError:
            if parts:
                break  # Bytes after the last block need not form another.
            raise
        parts.append(part)
        room -= len(part)
        at += 4 + size
    return b"".join(parts)


def _snappy_block(library: Any, block: bytes, most: int) -> bytes:  # noqa: ANN401
    size = shift = 0
    for byte in block[:5]:  # A block begins with its size, 7 bits per byte.
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:  # noqa: PLR2004 - the last byte has no eighth bit
            break
    if size > most:
        raise _too_large(most)
    return bytes(library.snappy.decompress_raw(block))


def _lz4(library: Any, packed: bytes, most: int) -> bytes:  # noqa: ANN401
    unpacked: bytes = library.LZ4FrameDecompressor().decompress(packed, max_length=most + 1)
    return unpacked


def _zstd(library: Any, packed: bytes, most: int) -> bytes:  # noqa: ANN401
    try:
        return _zstd_frames(library, packed, most, across=True)
    except library.ZstdError:
        # Bytes after the first frame need not form another.
        return _zstd_frames(library, packed, most, across=False)


def _zstd_frames(library: Any, packed: bytes, most: int, *, across: bool) -> bytes:  # noqa: ANN401
    reader = library.ZstdDecompressor().stream_reader(packed, read_across_frames=across)
    unpacked: bytes = reader.read(most + 1)
    return unpacked


_UNPACK: Final[Mapping[int, Callable[[Any, bytes, int], bytes]]] = MappingProxyType(
    {Codec.GZIP: _gzip, Codec.SNAPPY: _snappy, Codec.LZ4: _lz4, Codec.ZSTD: _zstd}
)
