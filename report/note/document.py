"""The note as data: sections of paragraphs, lists and tables, whose numbers refer to evidence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, Final, TypeAlias

from report.standing import TextCell


@dataclass(frozen=True, slots=True)
class NoteReference:
    """A page on which numbers of the note are proven; its number in the note begins at 1."""

    number: int
    title: str
    path: str
    """From the page's first address, with the query that shows the same figures for ever."""


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line, and where its numbers are proven."""

    text: str
    reference: NoteReference | None = None
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A line of text."""

    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Paragraph, ...]


@dataclass(frozen=True, slots=True)
class NoteColumn:
    """A column of a table; `numeric` ones are set to the right."""

    title: str
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class NoteCell:
    """A cell of a table; `status` is that of a milestone, as a class of the style sheet."""

    cell: TextCell
    status: str = ""


@dataclass(frozen=True, slots=True)
class NoteRow:
    """A row of a table, and where its numbers are proven. The first cell names it."""

    cells: tuple[NoteCell, ...]
    reference: NoteReference


@dataclass(frozen=True, slots=True)
class NoteTable:
    """A table; references are its last column, which is not among `columns`."""

    caption: str
    columns: tuple[NoteColumn, ...]
    rows: tuple[NoteRow, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A map or a chart, and what it shows in words."""

    title: str
    description: str
    svg: str


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures beside each other."""

    pictures: tuple[Picture, ...]


Block: TypeAlias = Paragraph | Items | NoteTable | Pictures


#: What JSON calls a block.
_KINDS: Final[Mapping[type, str]] = {
    Paragraph: "paragraph",
    Items: "items",
    NoteTable: "table",
    Pictures: "pictures",
}


@dataclass(frozen=True, slots=True)
class NoteSection:
    """A section with a heading."""

    title: str
    blocks: tuple[Block, ...]
    on_page_one: bool = False
    """Whether it is of those that are printed on a page of their own, the first."""


@dataclass(frozen=True, slots=True)
class Note:
    """The note of a month. Days are in ISO form, so that it is JSON as it stands."""

    title: str
    subtitle: str
    path: str
    """Its page, on which every reference is a link; as that of a reference."""
    as_of: str
    known_on: str
    sections: tuple[NoteSection, ...]
    references: tuple[NoteReference, ...]

    def data(self) -> dict[str, Any]:
        """Return it as plain JSON, where a block has its `kind`."""
        document = asdict(self)
        for section, written in zip(self.sections, document["sections"], strict=True):
            for block, data in zip(section.blocks, written["blocks"], strict=True):
                data["kind"] = _KINDS[type(block)]
        return document

    def json(self) -> str:
        """Return the JSON document whose digest every form of the note prints."""
        return json.dumps(self.data(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"

    @property
    def first_references(self) -> tuple[NoteReference, ...]:
        """The references in the tables of the first page."""
        return tuple(
            row.reference
            for section in self.sections
            if section.on_page_one
            for block in section.blocks
            if isinstance(block, NoteTable)
            for row in block.rows
        )

    @property
    def digest(self) -> str:
        """The SHA-256 digest of `json`."""
        return sha256(self.json().encode()).hexdigest()
