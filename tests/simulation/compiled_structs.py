"""Encoders and decoders for aiokafka's structs, made of their schemas: the same bytes, sooner.

aiokafka's own call a method for each value; these take what has a fixed length in one step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import count
from struct import Struct
from typing import Any, Final, NamedTuple

from aiokafka.protocol import struct as protocol_struct
from aiokafka.protocol import types
from aiokafka.protocol.admin import ApiVersionRequest
from aiokafka.protocol.api import RequestHeader_v1, ResponseHeader_v0

#: How the values of a type are written by `struct`.
_FORMATS: Final[dict[Any, str]] = {
    types.Int8: "b",
    types.Int16: "h",
    types.Int32: "i",
    types.UInt32: "I",
    types.Int64: "q",
    types.Float64: "d",
    types.Boolean: "?",
}


class Compiled(NamedTuple):
    """The encoder of a struct, and the decoder of bytes or a stream of them."""

    encode: Callable[[Any], bytes]
    decode: Callable[[type, Any], Any]


def structs_of(requests: Iterable[Any]) -> Sequence[Any]:
    """Return the structs that go over a connection: requests, responses, headers."""
    both = [one for each in requests for one in (each, each.RESPONSE_TYPE)]
    versions = [
        one for each in ApiVersionRequest._CLASSES[:2] for one in (each, each.RESPONSE_TYPE)
    ]
    return (*both, *versions, RequestHeader_v1, ResponseHeader_v0)


def install(structs: Iterable[Any]) -> None:
    """Let these structs of aiokafka be encoded and decoded by what is compiled."""
    for struct in structs:
        made = compiled(struct)
        struct.encode = made.encode
        struct.decode = classmethod(made.decode)
    slow = protocol_struct.Struct.__init__

    def begin(self: Any, *values: Any, **named: Any) -> None:
        names = self.SCHEMA.names
        if values and len(values) == len(names):
            vars(self).update(zip(names, values, strict=True))
        else:
            slow(self, *values, **named)

    protocol_struct.Struct.__init__ = begin


@cache
def compiled(struct: Any) -> Compiled:
    """Return encoder and decoder of a struct, of types without tags."""
    names = struct.SCHEMA.names
    source = _Source()
    variables = [source.new() for _ in names]
    source.add(0, "def encode(self):")
    source.add(1, "values, parts = self.__dict__, []")
    for name, variable in zip(names, variables, strict=True):
        source.add(1, f"{variable} = values[{name!r}]")
    source.encode(1, struct.SCHEMA.fields, variables)
    source.add(1, "return b''.join(parts)")
    source.add(0, "def decode(cls, data):")
    source.add(1, "at, stream = 0, None")
    source.add(1, "if data.__class__ is not bytes:")
    source.add(2, "stream, at = data, data.tell()")
    source.add(2, "data = stream.getvalue()")
    source.decode(1, struct.SCHEMA.fields, variables)
    source.add(1, "if at > len(data):")
    source.add(2, "raise ValueError('Buffer underrun')")
    source.add(1, "if stream is not None:")
    source.add(2, "stream.seek(at)")
    source.add(1, "made = cls.__new__(cls)")
    source.add(1, "values = made.__dict__")
    for name, variable in zip(names, variables, strict=True):
        source.add(1, f"values[{name!r}] = {variable}")
    source.add(1, "return made")
    made = source.run()
    return Compiled(made["encode"], made["decode"])


class _Source:
    """The source of two functions, as it is written."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._names: dict[str, Any] = {}
        self._numbers = count()

    def run(self) -> dict[str, Any]:
        """Return what the source defines."""
        exec("\n".join(self._lines), self._names)  # noqa: S102 - written here, of aiokafka's schemas
        return self._names

    def add(self, depth: int, line: str) -> None:
        """Add a line."""
        self._lines.append("    " * depth + line)

    def new(self) -> str:
        """Return a variable that nothing else has."""
        return f"v{next(self._numbers)}"

    def encode(self, depth: int, fields: Sequence[Any], variables: Sequence[str]) -> None:
        """Add what appends the bytes of some values to `parts`."""
        pending: list[tuple[str, str]] = []
        for field, value in zip(fields, variables, strict=True):
            if (letter := _FORMATS.get(field)) is not None:
                pending.append((letter, value))
            elif isinstance(field, types.Array):
                length = self.new()
                self.add(depth, f"{length} = -1 if {value} is None else len({value})")
                self._pack(depth, [*pending, ("i", length)])
                pending = []
                self._encode_items(depth, field.array_of, value)
            elif isinstance(field, types.String):
                raw, length = self.new(), self.new()
                self.add(depth, f"if {value} is None:")
                self.add(depth + 1, f"{raw}, {length} = b'', -1")
                self.add(depth, "else:")
                self.add(depth + 1, f"{raw} = str({value}).encode({field.encoding!r})")
                self.add(depth + 1, f"{length} = len({raw})")
                self._pack(depth, [*pending, ("h", length)])
                pending = []
                self.add(depth, f"parts.append({raw})")
            else:
                _expect(field, types.Bytes)
                length = self.new()
                self.add(depth, f"{length} = -1 if {value} is None else len({value})")
                self._pack(depth, [*pending, ("i", length)])
                pending = []
                self.add(depth, f"if {value} is not None:")
                self.add(depth + 1, f"parts.append({value})")
        if pending:
            self._pack(depth, pending)

    def _pack(self, depth: int, values: Sequence[tuple[str, str]]) -> None:
        struct = self._struct("".join(letter for letter, _ in values))
        given = ", ".join(value for _, value in values)
        self.add(depth, f"parts.append({struct}_pack({given}))")

    def _struct(self, letters: str) -> str:
        name = f"s_{letters.replace('?', 'bool')}"
        made = Struct(f">{letters}")
        self._names[f"{name}_pack"] = made.pack
        self._names[f"{name}_unpack"] = made.unpack_from
        self._names[f"{name}_iter"] = made.iter_unpack
        return name

    def _encode_items(self, depth: int, item: Any, value: str) -> None:
        self.add(depth, f"for item in {value} or ():")
        fields = item.fields if isinstance(item, types.Schema) else (item,)
        variables = [self.new() for _ in fields]
        tail = "," if isinstance(item, types.Schema) else ""
        self.add(depth + 1, f"{', '.join(variables)}{tail} = item")
        self.encode(depth + 1, fields, variables)

    def decode(self, depth: int, fields: Sequence[Any], variables: Sequence[str]) -> None:
        """Add what reads some values from `data`, from `at` on."""
        pending: list[tuple[str, str]] = []
        for field, value in zip(fields, variables, strict=True):
            if (letter := _FORMATS.get(field)) is not None:
                pending.append((letter, value))
                continue
            length = self.new()
            letter = "h" if isinstance(field, types.String) else "i"
            self._unpack(depth, [*pending, (letter, length)])
            pending = []
            self.add(depth, f"if {length} < 0:")
            self.add(depth + 1, f"{value} = None")
            self.add(depth, "else:")
            if isinstance(field, types.Array):
                self._decode_items(depth + 1, field.array_of, value, length)
                continue
            self.add(depth + 1, f"{value} = data[at:at + {length}]")
            self.add(depth + 1, f"at += {length}")
            if isinstance(field, types.String):
                self.add(depth + 1, f"{value} = {value}.decode({field.encoding!r})")
            else:
                _expect(field, types.Bytes)
        if pending:
            self._unpack(depth, pending)

    def _unpack(self, depth: int, values: Sequence[tuple[str, str]]) -> None:
        letters = "".join(letter for letter, _ in values)
        targets = ", ".join(value for _, value in values)
        self.add(depth, f"{targets}, = {self._struct(letters)}_unpack(data, at)")
        self.add(depth, f"at += {Struct(f'>{letters}').size}")

    def _decode_items(self, depth: int, item: Any, value: str, length: str) -> None:
        is_schema = isinstance(item, types.Schema)
        fields = item.fields if is_schema else (item,)
        letters = "".join(_FORMATS.get(field, " ") for field in fields)
        if " " not in letters:
            struct, size = self._struct(letters), Struct(f">{letters}").size
            self.add(depth, f"end = at + {length} * {size}")
            items = f"{struct}_iter(data[at:end])"
            listed = f"[*{items}]" if is_schema else f"[one for one, in {items}]"
            self.add(depth, f"{value} = {listed}")
            self.add(depth, "at = end")
            return
        self.add(depth, f"{value} = []")
        self.add(depth, f"for _ in range({length}):")
        variables = [self.new() for _ in fields]
        self.decode(depth + 1, fields, variables)
        one = f"({', '.join(variables)},)" if is_schema else variables[0]
        self.add(depth + 1, f"{value}.append({one})")


def _expect(field: Any, kind: type) -> None:
    if field is not kind:
        message = f"no compiled form of {field!r}"
        raise TypeError(message)
