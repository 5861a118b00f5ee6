"""From a YAML file to a model, or to every mistake in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from boundary.diagnostic import Diagnostic
from events.declaration import InvalidDeclarationError, invalid, invalid_model, read_declaration

MISTAKES: list[dict[str, str]] = yaml.safe_load(
    (Path(__file__).parents[2] / "corpus" / "declarations.yaml").read_text(encoding="utf-8")
)


class Ship(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str
    masts: Annotated[int, Field(strict=True, gt=0)]


class Fleet(BaseModel):
    model_config = ConfigDict(extra="forbid")

    ships: Annotated[tuple[Ship, ...], Field(min_length=1)]
    by_port: dict[str, Ship] = {}

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        found = [
            Diagnostic(("ships", index, "id"), "is a ghost", ship.id, "let it sink")
            for index, ship in enumerate(self.ships)
            if ship.id == "vaisseau-fantome"
        ]
        if found:
            raise invalid_model(Fleet, found)
        if self.by_port.keys() & {"Atlantis"}:
            raise invalid("is under water", "Atlantis", "leave it")
        return self


def mistakes_of(tmp_path: Path, text: str, *, secret: bool = False) -> list[str]:
    file = tmp_path / "fleet.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidDeclarationError) as refused:
        read_declaration(file, Fleet, secret=secret)
    return str(refused.value).replace(f"{tmp_path}/", "").splitlines()


def test_a_right_declaration_is_its_model(tmp_path: Path) -> None:
    file = tmp_path / "fleet.yaml"
    file.write_text("ships:\n  - { id: argo, masts: 1 }\n")
    assert read_declaration(file, Fleet) == Fleet(ships=(Ship(id="argo", masts=1),))


@pytest.mark.parametrize(("text", "line"), [tuple(case.values()) for case in MISTAKES])
def test_a_mistake_is_reported_with_its_line(tmp_path: Path, text: str, line: str) -> None:
    assert mistakes_of(tmp_path, text) == [line]


def test_all_mistakes_are_reported_in_the_order_of_their_lines(tmp_path: Path) -> None:
    lines = mistakes_of(
        tmp_path, "fleet: 1\nships:\n  - { id: argo, masts: 0 }\n  - { id: b, masts: no }"
    )
    assert [line.split(":")[1] for line in lines] == ["1", "3", "4"]


def test_a_refused_value_is_not_refused_again_for_its_list(tmp_path: Path) -> None:
    assert len(mistakes_of(tmp_path, "ships:\n  - { id: argo, masts: 0 }")) == 1


def test_of_a_secret_file_nothing_is_repeated(tmp_path: Path) -> None:
    hush = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    for text in (
        hush,
        f"{hush}: 1",
        f"ships: {hush}",
        f"ships: [{{id: {hush}, {hush}: 1}}]",
        f"by_port: {{{hush}: {{id: a}}}}",
        f"ships: [&{hush} a]",
        f"ships: [*{hush}]",
        f"ships: !{hush}!a 1",
        f"ships: !{hush} a",
        f"- {hush}: {hush}",
    ):
        assert hush[6:] not in "".join(mistakes_of(tmp_path, text, secret=True)), text


def test_what_caused_a_refusal_is_not_chained(tmp_path: Path) -> None:
    file = tmp_path / "fleet.yaml"
    file.write_text("ships: hush")
    with pytest.raises(InvalidDeclarationError) as refused:
        read_declaration(file, Fleet, secret=True)
    assert (refused.value.__cause__, refused.value.__context__) == (None, None)
