"""Closed lists of codes with their French words."""

import pytest

from events.code import Code

FRUIT = ("apple", "pear")


class Fruit(Code, dimension="fruit"):
    APPLE = "apple", "Pommes"
    PEAR = "pear", "Poires"


def test_a_member_is_its_code() -> None:
    assert [fruit.value for fruit in Fruit] == [str(fruit) for fruit in Fruit] == [*FRUIT]
    assert [Fruit(code) for code in FRUIT] == [*Fruit]
    assert [fruit.word for fruit in Fruit] == ["Pommes", "Poires"]
    assert Fruit.dimension() == "fruit"


def test_a_code_without_a_word_cannot_be_declared() -> None:
    with pytest.raises(ValueError, match="'quince': has no French word"):

        class _Odd(Code, dimension="fruit"):
            QUINCE = "quince"
