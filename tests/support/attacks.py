"""Texts that try to be more than text, and what of them a page that shows them is left with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Final

from events.milestone import MilestoneExplained

MARK: Final = "x-attack"
"""Names the elements, attributes and schemes that attacks would make."""

#: Each in at most 200 characters, so that it also fits into a name.
ATTACKS: Final[Mapping[str, str]] = {
    "script": f"<script>window.ran.push('{MARK}')</script>",
    "element": f"<{MARK} onclick=alert(1)>",
    "handler": f"<img src=x onerror=\"window.ran.push('{MARK}')\">",
    "out of an attribute": f'"\'><{MARK} autofocus onfocus=alert(1) x="',
    "into an attribute": f"\" {MARK}=1 onmouseover='alert(1)",
    "svg": f"</title></desc></svg><svg onload=alert(1)><{MARK}/>",
    "ends the title": f"</title></h1></table><{MARK}>",
    "comment": f"<!--<{MARK}>--><![CDATA[<{MARK}>]]>",
    "style": f"</style><style>*{{background:url(//{MARK})}}</style>",
    "address": f"javascript:window.ran.push('{MARK}')",
    "data address": f"data:text/html,<{MARK}>",
    "refresh": f'<meta http-equiv=refresh content="0;url=//{MARK}">',
    "base": f"<base href=//{MARK}/>",
    "escaped": f"&lt;{MARK}&gt; &#60;{MARK}&#62; %3C{MARK}%3E",
    "template": "{{ 7*7 }} {% raw %} ${7*7} #{7*7}",
    "SQL": "' OR 1=1; DROP TABLE event; --",
    "formula": '=HYPERLINK("http://x";"y")',
    "controls": "a\x00b\x01c\x08d\x1b[31me\x7ff\x85g\x9bh",
    "lines": "a\r\nSet-Cookie: x=1\r\n\r\nb\u2028c\u2029d",
    "bidi": "Lycée \u202eeuqinhcet\u202c \u2066\u2067droit\u2069 \u200f\u061cfin",
    "right to left": "ثانوية فيكتور هوغو 2019",
    "joined": "👩‍👩‍👧‍👦" * 20,
    "marks": "Z" + "\u0351\u0347\u0322" * 60,
    "emoji": "😀" * 200,
    "long": "W" * 200,
    "wide": "\ufdfd" * 100,
    "not characters": "a\ufffeb\uffffc\ufdd0d\U0001fffe",
}

#: Those that the contract of an explanation's text takes.
PLAIN: Final = {
    name: text
    for name, text in ATTACKS.items()
    if re.fullmatch(str(MilestoneExplained.model_fields["text"].metadata[0].pattern), text)
}

#: What is turned, broken or hidden by what no reader sees.
UNPRINTABLE: Final = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)

OURS: Final = frozenset(
    (
        # Of a page,
        *("html", "head", "title", "meta", "link", "script", "body", "header", "nav", "main"),
        *("footer", "section", "div", "h1", "h2", "h3", "p", "a", "ul", "ol", "li", "dl", "dt"),
        *("dd", "figure", "table", "caption", "thead", "tbody", "tr", "th", "td", "details"),
        *("summary", "form", "label", "input", "select", "option", "button", "span", "small"),
        *("strong", "code", "br", "time", "blockquote"),
        # and of a chart.
        *("svg", "desc", "defs", "pattern", "clippath", "g", "use", "path", "rect", "circle"),
        *("line", "polyline", "text", "tspan"),
    )
)
"""The elements that the page's templates and charts have."""

_VOID: Final = frozenset(("meta", "link", "input", "br"))
_SCRIPT: Final = re.compile(r"(\.\./|\./)*static/page\.js\?v=[0-9a-f]{12}")
_HREF: Final = re.compile(
    r"#[\w-]*|\?[^:]*|(\./|\.\./)[^:]*|https://www\.etalab\.gouv\.fr/licence-ouverte-open-licence/"
)


class _Harm(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        self.found += [f"<{tag}> is open" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in OURS or MARK in tag:
            self.found.append(f"<{tag}>")
        if tag == "script" and not _SCRIPT.fullmatch(given.get("src") or ""):
            self.found.append(f"<script {given}>")
        if tag == "meta" and "http-equiv" in given:
            self.found.append(f"<meta {given}>")
        if len(given) != len(attrs):
            self.found.append(f"<{tag} {attrs}>: an attribute twice")
        for name, value in attrs:
            if name.startswith("on") or name in ("style", "srcdoc", "xlink:href", MARK):
                self.found.append(f"<{tag} {name}>")
            if name in ("href", "action", "src") and not _HREF.fullmatch(value or ""):
                self.found.append(f"<{tag} {name}={value!r}>")

    def handle_endtag(self, tag: str) -> None:
        if self._open[-1:] == [tag]:
            self._open.pop()
        else:
            self.found.append(f"</{tag}>")

    def handle_comment(self, data: str) -> None:
        self.found.append(f"<!--{data}-->")


def harm_in(page: str) -> list[str]:
    unprintable = [f"{one!r}" for one in UNPRINTABLE.findall(page)]
    return _Harm(page).found + unprintable
