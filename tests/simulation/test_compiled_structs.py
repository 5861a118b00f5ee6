"""What is compiled of aiokafka's structs has aiokafka's own bytes."""

from __future__ import annotations

from io import BytesIO
from random import Random
from struct import error
from typing import Any

import pytest
from aiokafka.protocol import types

from tests.simulation.cluster import STRUCTS
from tests.simulation.compiled_structs import compiled

_ROUNDS = 50


def _value(field: Any, chance: Random) -> Any:
    """Return a value of a type of aiokafka's."""
    if isinstance(field, types.Schema):
        return tuple(_value(one, chance) for one in field.fields)
    if isinstance(field, types.Array):
        if chance.random() < 0.1:
            return None
        return [_value(field.array_of, chance) for _ in range(chance.randrange(4))]
    if isinstance(field, types.String):
        return chance.choice((None, "", "ligne", "école", "x" * 300))
    if field in {types.Bytes, types.Boolean}:
        of_bytes = (None, b"", b"\x00\xff", bytes(70_000))
        return chance.choice(of_bytes if field is types.Bytes else (False, True))
    bits = {types.Int8: 7, types.Int16: 15, types.Int32: 31, types.Int64: 63}[field]
    return chance.randrange(-(2**bits), 2**bits)


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda one: one.__name__)
def test_a_compiled_struct_has_the_bytes_of_aiokafka(struct: Any) -> None:
    """Both encode any values to the same bytes, and decode those to the same values."""
    chance = Random(1)
    made = compiled(struct)
    for _ in range(_ROUNDS):
        values = {
            name: _value(field, chance)
            for name, field in zip(struct.SCHEMA.names, struct.SCHEMA.fields, strict=True)
        }
        one = struct.__new__(struct)
        vars(one).update(values)
        encoded = one.encode()
        assert made.encode(one) == encoded
        stream = BytesIO(encoded)
        decoded = [field.decode(stream) for field in struct.SCHEMA.fields]
        assert [*vars(made.decode(struct, encoded)).values()] == decoded
        stream = BytesIO(b"1234" + encoded + b"5678")
        stream.seek(4)
        assert [*vars(made.decode(struct, stream)).values()] == decoded
        assert stream.read() == b"5678"


def test_a_compiled_struct_refuses_bytes_that_end_early() -> None:
    """Bytes that end within a value are an error, not a shorter value."""
    (produce, *_) = STRUCTS
    one = produce(transactional_id="x" * 20, required_acks=-1, timeout=1, topics=[])
    with pytest.raises((ValueError, error)):
        compiled(produce).decode(produce, one.encode()[:10])
