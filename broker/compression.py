"""Bounded decompression of Kafka's record batches.

Both clients use it, so that a worker and an audit read the same records. The clients' own code has
no bound: a batch of 1 MiB may decompress to gigabytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final

import cramjam
import zstandard
from lz4.frame import LZ4FrameDecompressor

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


class BatchUnreadableError(ValueError):
    """The records of one batch cannot be decompressed; other batches are unaffected."""


def unpack(codec: int, packed: bytes, *, most: int = MAX_UNPACKED_BYTES) -> bytes:
    """Return the decompressed records of a batch.

    Like the broker, ignores bytes after the first whole stream. Raises SmartRegionError for an
    unknown codec, and BatchUnreadableError if the batch is damaged or decompresses to more than
    `most` bytes.
    """
    if codec not in _UNPACK:
        raise SmartRegionError(
            f"compression: is not a known codec, value {codec}: install a newer smart-region, or"
            " give the topic the compression.type gzip, snappy, lz4 or zstd"
        )
    try:
        unpacked = _UNPACK[codec](packed, most)
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


def _gzip(packed: bytes, most: int) -> bytes:
    parts: list[bytes] = []
    room = most + 1
    while room > 0:
        member = zlib.decompressobj(_GZIP_WINDOW)
        part = member.decompress(packed, room)
        parts.append(part)
        room -= len(part)
        packed = member.unused_data
        if not packed.startswith(_GZIP_MAGIC):
            break
    return b"".join(parts)


def _snappy(packed: bytes, most: int) -> bytes:
    if not packed.startswith(_XERIAL_MAGIC):
        return _snappy_block(packed, most)
    parts: list[bytes] = []
    at, room = _XERIAL_HEADER_BYTES, most
    while at < len(packed):
        if packed.startswith(_XERIAL_MAGIC, at):  # Streams may follow each other.
            at += _XERIAL_HEADER_BYTES
            continue
        size = int.from_bytes(packed[at : at + 4], "big", signed=True)
        try:
            part = _snappy_block(packed[at + 4 : at + 4 + max(size, 0)], room)
        except cramjam.DecompressionError:
            if parts:
                break  # Bytes after the last block need not form another.
            raise
        parts.append(part)
        room -= len(part)
        at += 4 + size
    return b"".join(parts)


def _snappy_block(block: bytes, most: int) -> bytes:
    size = shift = 0
    for byte in block[:5]:  # A block begins with its size, 7 bits per byte.
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:  # noqa: PLR2004 - the last byte has no eighth bit
            break
    if size > most:
        raise _too_large(most)
    return bytes(cramjam.snappy.decompress_raw(block))


def _lz4(packed: bytes, most: int) -> bytes:
    unpacked: bytes = LZ4FrameDecompressor().decompress(packed, max_length=most + 1)
    return unpacked


def _zstd(packed: bytes, most: int) -> bytes:
    try:
        return _zstd_frames(packed, most, across=True)
    except zstandard.ZstdError:
        # Bytes after the first frame need not form another.
        return _zstd_frames(packed, most, across=False)


def _zstd_frames(packed: bytes, most: int, *, across: bool) -> bytes:
    decompressor = zstandard.ZstdDecompressor()
    return decompressor.stream_reader(packed, read_across_frames=across).read(most + 1)


_UNPACK: Final[Mapping[int, Callable[[bytes, int], bytes]]] = MappingProxyType(
    {Codec.GZIP: _gzip, Codec.SNAPPY: _snappy, Codec.LZ4: _lz4, Codec.ZSTD: _zstd}
)
