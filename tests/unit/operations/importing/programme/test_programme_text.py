"""A declaration as YAML, and the changes of a text that its owner wrote."""

from collections.abc import Callable
from copy import deepcopy
from decimal import Decimal
from difflib import ndiff
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from catalogue.loader import PROGRAMMES
from events.document import read_document
from operations.importing.programme.programme_text import declaration_text, edited_text

OWN = """\
# Mine: the head.
id: barometre
title: "Baromètre" # in quotes
promise: >-
  Les cibles de l’État,
  pliées.
indicators:
  # First.
  - id: ind_042
    definition: Un long texte
      sur deux lignes
    measure: { observed: IND-042 } # on one line
    baselines:
      "75": { value: -12.50, day: 2020-01-01, source: "no" } # Paris
      # Seine-et-Marne
      "77":
        value: 1_000
        source: x
    milestones:
      - id: a # first
        target: 1_000.50
        scope: [region, "75"]

      # Before b.
      - id: b
        target: 2

  # Second.
  - id: ind_043
    title: x
# The end."""

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


def changed(tmp_path: Path, change: Callable[[Any], object]) -> list[str]:
    """Change what a text declares, and return the lines that come and go."""
    file = tmp_path / "own.yaml"
    file.write_text(OWN)
    before = read_document(file).data
    after = deepcopy(before)
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    change(after["indicators"])
    text = edited_text(OWN, before, after)
    file.write_text(text)
    assert read_document(file).data == after
    lines = ndiff(OWN.splitlines(), text.splitlines())
    return [line for line in lines if line[0] in "+-"]


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        (
            lambda all_: all_[0]["milestones"][0].update(target=Decimal("5.5")),
            ["-         target: 1_000.50", "+         target: 5.5"],
        ),
        (
            lambda all_: all_[0]["baselines"]["75"].update(value=3, source="a, b"),
            [
                '-       "75": { value: -12.50, day: 2020-01-01, source: "no" } # Paris',
                "+       \"75\": { value: 3, day: 2020-01-01, source: 'a, b' } # Paris",
            ],
        ),
        (
            lambda all_: all_[0]["milestones"].insert(1, {"id": "new", "scope": ["75"]}),
            ["+ ", "+       - id: new", "+         scope:", "+           - '75'"],
        ),
        (
            lambda all_: all_[0]["milestones"].insert(0, {"id": "new"}),
            ["+       - id: new", "+ "],
        ),
        (
            lambda all_: all_[0]["milestones"].pop(),
            ["-       - id: b", "-         target: 2"],
        ),
        (
            lambda all_: all_[0]["milestones"][0].update(scope=["region"]),
            ['-         scope: [region, "75"]', "+         scope: [region]"],
        ),
        (
            lambda all_: all_[0]["baselines"].update({"93": {"value": 0}}),
            ["+       '93':", "+         value: 0"],
        ),
        (
            lambda all_: all_[0]["baselines"].pop("75"),
            ['-       "75": { value: -12.50, day: 2020-01-01, source: "no" } # Paris'],
        ),
        (
            lambda all_: all_[1].pop("id"),
            ["-   - id: ind_043", "-     title: x", "+ ", "+   - title: x"],
        ),
        (
            lambda all_: all_.append({"id": "third"}),
            ["+ ", "+   - id: third"],
        ),
    ],
)
def test_only_what_has_changed_is_written(
    tmp_path: Path, change: Callable[[Any], object], lines: list[str]
) -> None:
    """Comments, order, quotes, numbers' form and blank lines between items are the owner's."""
    assert sorted(changed(tmp_path, change)) == sorted(lines)


@given(st.dictionaries(st.text("abc"), VALUES), st.dictionaries(st.text("abc"), VALUES))
def test_an_edited_text_declares_what_it_should(
    tmp_path_factory: pytest.TempPathFactory, before: dict[str, Any], after: dict[str, Any]
) -> None:
    """Whatever it declared before."""
    file = tmp_path_factory.mktemp("yaml") / "file.yaml"
    file.write_text(edited_text(declaration_text(before), before, after))
    assert read_document(file).data == after


@pytest.mark.parametrize("file", sorted(PROGRAMMES.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_programme_can_be_written_again(tmp_path: Path, file: Path) -> None:
    """Whatever it declares, plain YAML comes back as the same data."""
    (tmp_path / "again.yaml").write_text(declaration_text(read_document(file).data))
    assert read_document(tmp_path / "again.yaml").data == read_document(file).data


@given(VALUES)
def test_whatever_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, value: object
) -> None:
    """Texts that look like numbers, days or flags too."""
    file = tmp_path_factory.mktemp("yaml") / "file.yaml"
    file.write_text(declaration_text({"value": value}))
    document = read_document(file)
    assert document.diagnostics == []
    assert document.data == {"value": value}
    assert yaml.safe_load(file.read_text())
