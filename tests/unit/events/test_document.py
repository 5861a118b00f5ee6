"""Reading YAML as plain data: by libyaml, and by the parser in Python where that refuses."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
import yaml
from hypothesis import assume, example, given
from hypothesis import strategies as st

from events import document
from events.document import Document, plain_yaml, read_document

#: What YAML gives a meaning to, alone or beside each other, and text.
PIECES = st.sampled_from(
    [
        *("a", "b: ", "- ", "\n", "\n  ", "\n    ", ": ", ":", "? ", "[", "]", "{", "}", ", ", '"'),
        *("'", "# ", "|\n ", ">\n ", "&x ", "*x", "!!str ", "!x ", "%", "@", "---\n", "...\n"),
        *("\t", "é", "\u2028", "\ufeff", "\x07", "\x85", "😀", "2020-12-31", "1:30", "no", "0x1"),
        *("~", "\\", "\r", "=", "<<: ", "! "),
    ]
)
_QUESTION = re.compile(r"[\[{].*\?", re.DOTALL)
TEXTS = st.lists(PIECES, max_size=14).map("".join)


def read(text: str, folder: Path) -> Document:
    file = folder / "document.yaml"
    file.write_text(text, encoding="utf-8", newline="")
    return read_document(file)


@given(TEXTS)
@example("a: %b")
@example("é: 1\nb: \x01")
@example("a: |\n  x\n y: 2")
@example("a\tb: \ufeff")
@example("a: !")
@example("! 5")
def test_a_document_is_what_the_parser_in_python_reads(text: str) -> None:
    """The same data, lines and mistakes, in the same words.

    Between brackets libyaml takes a question mark within text, as YAML 1.2 has it.
    """
    assume(not _QUESTION.search(text))
    with TemporaryDirectory() as folder:
        found = read(text, Path(folder))
        with patch.object(document, "_LOADERS", (yaml.SafeLoader, yaml.SafeLoader)):
            expected = read(text, Path(folder))
    if expected.data is None:  # Nothing has a line, or that of what follows it.
        found.lines, expected.lines = {}, {}
    assert found == expected


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    found = read("a" * 500_001, tmp_path)

    (mistake,) = found.diagnostics
    assert (mistake.problem, mistake.value) == ("is too large", 500_001)
    assert mistake.remedy == "split it: at most 500000 bytes"


VALUES = st.recursive(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")))
    | st.integers()
    | st.booleans()
    | st.none()
    | st.dates()
    | st.decimals(allow_nan=False, allow_infinity=False, places=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc"), inner),
    max_leaves=6,
)


@example({"value": None, "text": "one\x85two", "number": Decimal("1E+3")})
@given(st.dictionaries(st.text("abc", min_size=1), VALUES, min_size=1))
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, data: dict[str, object]
) -> None:
    file = tmp_path_factory.mktemp("yaml") / "file.yaml"
    file.write_text(plain_yaml(data))
    read = read_document(file)
    assert (read.diagnostics, read.data) == ([], data)
    assert all(re.search(rf"^{key}:", plain_yaml(data), re.MULTILINE) for key in data)
