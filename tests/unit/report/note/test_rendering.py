"""The note as HTML and Markdown: well-formed, readable aloud, complete without the network."""

from __future__ import annotations

import re

import pytest

from report.note.document import Note
from report.note.output import note_html, note_markdown
from tests.support.elements import Elements
from tests.support.notes import request_of, simulated_note, texts_of

LINK = re.compile(r"(?<!\\)\]\(<([^>]*)>\)")
ESCAPED = re.compile(r"\\([\\`*_{}\[\]#|~!])")


@pytest.fixture(scope="module")
def note() -> Note:
    return simulated_note(request_of("2020-12"))


@pytest.fixture(scope="module")
def page(note: Note) -> Elements:
    return Elements(note_html(note))


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


@pytest.mark.slow
def test_nothing_is_loaded(page: Elements) -> None:
    assert not {tag for tag, _ in page.found} & {"script", "img", "link", "iframe", "form"}
    attributes = {name for _, found in page.found for name in found}
    assert not {name for name in attributes if name == "style" or name.startswith("on")}


def test_every_text_is_in_every_form(note: Note, page: Elements) -> None:
    shown = squeezed(re.sub(r"\[\d+\]", "", page.text))
    markdown = note_markdown(note)
    plain = ESCAPED.sub(r"\1", re.sub(r"\[\\\[\d+\\\]\]\(<[^>]*>\)|\*\*|(?<!\\)\*", "", markdown))
    written = squeezed(plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    for text in texts_of(note):
        assert squeezed(text) in shown, text
        assert squeezed(text) in written, text


def test_the_links_are_those_of_the_note(note: Note, page: Elements) -> None:
    paths = {note.path, *(one.path for one in note.references)}
    root = "https://page.example/region/"

    assert {one["href"] for one in page.of("a")} == paths
    linked = {one["href"] for one in Elements(note_html(note, root)).of("a")}
    assert linked == {f"{root}{path}" for path in paths}
    assert set(LINK.findall(note_markdown(note, root))) <= linked
    assert set(LINK.findall(note_markdown(note))) == paths
