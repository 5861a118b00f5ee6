"""The note as a PDF: tagged, with its own fonts, and read in the right order."""

from __future__ import annotations

import io
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pdfua
import pytest
import typst
from pypdf import PageObject, PdfReader
from pypdf.generic import ContentStream

from report.note.document import Note, NoteSection, Paragraph, Span
from report.note.output import NoPdfError, note_pdf, printable
from tests.support.notes import request_of, simulated_note, texts_of

_SIGN: Final = re.compile(r"<([0-9A-Fa-f]{4})> <((?:[0-9A-Fa-f]{4})+)>")


def read_aloud(reader: PdfReader) -> str:
    """Return the text that the tags lead to, without what they mark as an artifact."""
    marked = {page.indirect_reference: _marked(page, reader) for page in reader.pages}

    def walk(node: Any, page: Any) -> Iterator[str]:  # noqa: ANN401 - what pypdf reads
        node = node.get_object()
        if isinstance(node, int):
            yield marked[page][node]
        elif isinstance(node, list):
            for one in node:
                yield from walk(one, page)
        else:
            page = node.raw_get("/Pg") if "/Pg" in node else page
            if "/MCID" in node:
                yield marked[page][node["/MCID"]]
            elif "/ActualText" in node:
                yield str(node["/ActualText"])
            elif "/K" in node:
                yield from walk(node["/K"], page)

    root: Any = reader.trailer["/Root"]
    return "".join(walk(root["/StructTreeRoot"]["/K"], None))


def _marked(page: PageObject, reader: PdfReader) -> Mapping[int, str]:
    resources: Any = page["/Resources"]
    signs = {name: _signs(font.get_object()) for name, font in resources["/Font"].items()}
    found: defaultdict[int, str] = defaultdict(str)
    opened: list[Mapping[str, Any]] = []
    font: Mapping[int, str] = {}
    for operands, operator in ContentStream(page["/Contents"], reader).operations:
        if operator in (b"BDC", b"BMC"):
            properties = operands[1] if len(operands) > 1 else {}
            opened.append(properties)
            piece = _piece(opened)
            if piece is not None and "/ActualText" in properties:
                found[piece] += str(properties["/ActualText"])
        elif operator == b"EMC":
            opened.pop()
        elif operator == b"Tf":
            font = signs[operands[0]]
        elif operator in (b"Tj", b"TJ"):
            piece = _piece(opened)
            # Text with a replacement (ActualText) is read as its replacement.
            if piece is not None and not any("/ActualText" in one for one in opened):
                shown = operands[0] if operator == b"TJ" else operands
                found[piece] += "".join(_text(one, font) for one in shown)
    return found


def _piece(opened: list[Mapping[str, Any]]) -> int | None:
    return next((one["/MCID"] for one in reversed(opened) if "/MCID" in one), None)


def _text(shown: Any, font: Mapping[int, str]) -> str:  # noqa: ANN401 - what pypdf reads
    if not hasattr(shown, "original_bytes"):
        return ""  # A number: the offset of the next glyph.
    codes = bytes(shown.original_bytes)
    pairs = zip(codes[::2], codes[1::2], strict=True)
    return "".join(font[first << 8 | second] for first, second in pairs)


def _signs(font: Any) -> Mapping[int, str]:  # noqa: ANN401 - what pypdf reads
    table = font["/ToUnicode"].get_object().get_data().decode()
    return {
        int(code, 16): bytes.fromhex(text).decode("utf-16-be")
        for code, text in _SIGN.findall(table)
    }


@pytest.fixture(scope="module")
def note() -> Note:
    return simulated_note(request_of("2020-12"))


@pytest.fixture(scope="module")
def content(note: Note) -> bytes:
    return note_pdf(note, "https://page.example/")


@pytest.fixture(scope="module")
def reader(content: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(content))


def root_of(reader: PdfReader) -> Any:  # noqa: ANN401 - what pypdf reads
    return reader.trailer["/Root"]


@pytest.mark.slow
def test_an_independent_check_finds_nothing(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "note.pdf"
    file.write_bytes(content)
    report = pdfua.validate(str(file))

    assert not report.findings


def test_it_is_read_aloud_in_the_order_of_the_note(reader: PdfReader, note: Note) -> None:
    read = read_aloud(reader)
    in_order(read, note)
    assert read.rstrip().endswith(note.digest)


def in_order(read: str, note: Note) -> None:
    read = re.sub(r"\s|\u200b", "", read)
    position = 0
    for text in texts_of(note):
        sought = re.sub(r"\s|\[\d+\]", "", printable(text))[:12]
        found = read.find(sought, position)
        assert found >= 0, text
        position = found
    assert read.find("Preuves", position) >= 0


def test_its_links_lead_to_the_page(reader: PdfReader, note: Note) -> None:
    found = {
        annotation.get_object()["/A"]["/URI"]
        for page in root_of(reader)["/Pages"]["/Kids"]
        for annotation in page.get_object().get("/Annots", ())
    }
    paths = {note.path, *(one.path for one in note.references)}
    assert found == {f"https://page.example/{one}" for one in paths}


def test_what_counts_as_printable_has_a_sign() -> None:
    """Typst refuses a character without one, so that this one note has them all."""
    allowed = [one for one in map(chr, range(0x20, 0x3000)) if printable(one) == one]
    text = " ".join(allowed)
    note = Note("t", "s", "note/2019-03", "2019-03-31", "2019-03-31", (section(text),), ())

    assert len(allowed) > 450
    assert note_pdf(note)


def section(text: str) -> NoteSection:
    return NoteSection("Titre", (Paragraph((Span(text),)),))


def test_what_no_font_has_is_replaced() -> None:
    assert printable("Lycée 漢字 \U0001f600 ✖ \x07") == "Lycée \ufffd\ufffd \ufffd ✘ \\u0007"


def test_without_typst_one_line_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, note: Note
) -> None:
    assert typst.__name__
    monkeypatch.setitem(sys.modules, "typst", None)

    with pytest.raises(NoPdfError, match=r"whl\)\[pdf\]\"; or write FILE.html"):
        note_pdf(note)
