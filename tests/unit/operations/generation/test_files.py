"""What is generated, and what that needs."""

import pytest

from boundary.errors import SmartRegionError
from operations.generation.files import check_words


def test_what_lacks_a_french_word_is_named_with_its_place() -> None:
    """It was a KeyError of `generate`, and of the page once an event of it was looked at."""
    with pytest.raises(SmartRegionError, match=r"libraries in ENTITIES, library\.opened in FACTS"):
        check_words(["libraries"], ["library.opened"])
