"""A tagged PDF as it is read aloud: its text in the order of its tags, not of its pages."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pypdf import PageObject, PdfReader
from pypdf.generic import ContentStream

_SIGN: Final = re.compile(r"<([0-9A-Fa-f]{4})> <((?:[0-9A-Fa-f]{4})+)>")


def read_aloud(reader: PdfReader) -> str:
    """Return the text that the tags lead to; what they mark as an ornament is not read."""
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
            # What stands for something else is read as that.
            if piece is not None and not any("/ActualText" in one for one in opened):
                shown = operands[0] if operator == b"TJ" else operands
                found[piece] += "".join(_text(one, font) for one in shown)
    return found


def _piece(opened: list[Mapping[str, Any]]) -> int | None:
    return next((one["/MCID"] for one in reversed(opened) if "/MCID" in one), None)


def _text(shown: Any, font: Mapping[int, str]) -> str:  # noqa: ANN401 - what pypdf reads
    if not hasattr(shown, "original_bytes"):
        return ""  # How far the next sign is moved.
    codes = bytes(shown.original_bytes)
    pairs = zip(codes[::2], codes[1::2], strict=True)
    return "".join(font[first << 8 | second] for first, second in pairs)


def _signs(font: Any) -> Mapping[int, str]:  # noqa: ANN401 - what pypdf reads
    table = font["/ToUnicode"].get_object().get_data().decode()
    return {
        int(code, 16): bytes.fromhex(text).decode("utf-16-be")
        for code, text in _SIGN.findall(table)
    }
