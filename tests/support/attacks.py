"""Texts that try to be more than text, and the harm that they do to a page that shows them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from events.milestone import MilestoneExplained
from tests.support.elements import Elements

MARK: Final = "x-attack"
"""Marks the elements, attributes and schemes that attacks would create."""

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

#: The attacks that the contract of an explanation's text accepts.
PLAIN: Final = {
    name: text
    for name, text in ATTACKS.items()
    if re.fullmatch(str(MilestoneExplained.model_fields["text"].metadata[0].pattern), text)
}

#: Invisible characters that reverse, break or hide text.
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

_SCRIPT: Final = re.compile(r"(\.\./|\./)*static/page\.js\?v=[0-9a-f]{12}")
_HREF: Final = re.compile(
    r"#[\w-]*|\?[^:]*|(\./|\.\./)[^:]*|https://www\.etalab\.gouv\.fr/licence-ouverte-open-licence/"
)


def harm_in(page: str) -> list[str]:
    """Return what a page has that is not ours; fails where an element is not closed."""
    elements = Elements(page)
    found = [f"<!--{one}-->" for one in elements.comments]
    for tag, attributes in elements.found:
        if tag not in OURS or MARK in tag:
            found.append(f"<{tag}>")
        if tag == "script" and not _SCRIPT.fullmatch(attributes.get("src") or ""):
            found.append(f"<script {attributes}>")
        if tag == "meta" and "http-equiv" in attributes:
            found.append(f"<meta {attributes}>")
        for name, value in attributes.items():
            if name.startswith("on") or name in ("style", "srcdoc", "xlink:href", MARK):
                found.append(f"<{tag} {name}>")
            if name in ("href", "action", "src") and not _HREF.fullmatch(value or ""):
                found.append(f"<{tag} {name}={value!r}>")
    return found + [f"{one!r}" for one in UNPRINTABLE.findall(page)]
