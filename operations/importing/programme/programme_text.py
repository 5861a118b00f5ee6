"""A declaration as YAML: written anew, or into a text of which all that has not changed stays."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from operator import itemgetter
from textwrap import indent
from typing import Any, Final, NamedTuple

import yaml

from operations.importing.parsing import write_decimal

__all__ = ["declaration_text", "edited_text"]

WIDTH: Final = 100
_INDENT: Final = re.compile(r" *")
_DASH: Final = re.compile(r" *- +")


def declaration_text(declared: object) -> str:
    """Return a declaration as plain YAML."""
    return _dumped(declared)


def edited_text(text: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Return a text that declares `before`, changed so that it declares `after`.

    Only the lines of entries that differ are written. The others keep their comments, their order,
    their quotes and their form, and so do the comments between entries.
    """
    text = text if text.endswith("\n") else f"{text}\n"
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert root is not None  # noqa: S101 - it declares something
    try:
        edits = sorted(_Differences(text).of(root, before, after), key=itemgetter(0, 1))
    except _RewriteError:
        return declaration_text(after)
    for start, end, new in reversed(edits):
        text = f"{text[:start]}{new}{text[end:]}"
    return text


class _Edit(NamedTuple):
    """A part of the text, and what is written for it."""

    start: int
    end: int
    text: str


class _RewriteError(Exception):
    """A value that has to be written anew as a whole."""


class _Differences:
    """The edits of a text, by what its nodes declare and shall declare."""

    def __init__(self, text: str) -> None:
        self._text = text

    def of(self, node: yaml.Node, before: object, after: object) -> Iterator[_Edit]:
        """Yield the edits of a value. Raises _RewriteError."""
        if before == after:
            return
        if not before or not after:
            raise _RewriteError
        match node, before, after:
            case yaml.MappingNode(), dict(), dict():
                yield from self._of_mapping(node, before, after)
            case yaml.SequenceNode(), list(), list():
                yield from self._of_list(node, before, after)
            case _:
                raise _RewriteError

    def _of_mapping(
        self, node: yaml.MappingNode, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> Iterator[_Edit]:
        values = {key.value: (key, value) for key, value in node.value}
        if node.flow_style and before.keys() != after.keys():
            raise _RewriteError
        if any(self._text.startswith("? ", key.start_mark.index - 2) for key, _ in node.value):
            raise _RewriteError  # Keys and values have lines of their own.
        for name in before:
            if name not in after:
                yield self._removal(*values[name], _INDENT)
        added: dict[str, Any] = {}
        at: int | None = None
        for name, new in after.items():
            if name not in values:
                added[name] = new
                continue
            if at is not None and added:
                yield self._addition(at, added, node)
                added = {}
            key, value = values[name]
            start, flow = key.start_mark, node.flow_style
            yield from self._of_entry(start, value, before[name], new, {name: new}, flow=flow)
            at = self._next_line(value)
        if at is None:
            raise _RewriteError  # No line stays.
        if added:
            yield self._addition(at, added, node)

    def _of_list(
        self, node: yaml.SequenceNode, before: list[Any], after: list[Any]
    ) -> Iterator[_Edit]:
        old, new = [_name(item) for item in before], [_name(item) for item in after]
        both = [name for name in old if name in new]
        if (
            len({*old}) < len(old)
            or len({*new}) < len(new)
            or not both
            or both != [name for name in new if name in old]
            or (node.flow_style and old != new)
        ):
            raise _RewriteError
        items = dict(zip(old, node.value, strict=True))
        known = dict(zip(old, before, strict=True))
        for name, item in items.items():
            if name not in new:
                yield self._removal(item, item, _DASH)
        first = at = self._line(items[old[0]])
        gap = self._gap(node)
        if not (node.flow_style or self._begins_line(_DASH, items[old[0]])):
            raise _RewriteError
        for name, value in zip(new, after, strict=True):
            if name in items:
                item = items[name]
                yield from self._of_entry(
                    item.start_mark, item, known[name], value, value, flow=node.flow_style
                )
                at = self._next_line(item)
            else:
                yield self._addition(
                    at, [value], node, **({"after": gap} if at == first else {"before": gap})
                )

    def _of_entry(
        self,
        start: yaml.Mark,
        node: yaml.Node,
        before: object,
        after: object,
        whole: object,
        *,
        flow: bool,
    ) -> Iterator[_Edit]:
        """Yield the edits of an entry; `whole` is what is written from its start where need be."""
        try:
            yield from list(self.of(node, before, after))
        except _RewriteError:
            end = self._end(node)
            if flow or getattr(node, "flow_style", False):
                yield _Edit(node.start_mark.index, end, _dumped([after], flow=True)[1:-2])
            else:
                text = indent(_dumped(whole), " " * start.column).strip()
                yield _Edit(start.index, end, text)

    def _gap(self, node: yaml.SequenceNode) -> str:
        """Return the blank line that is between all items of a list; no text without it."""
        ends = [self._next_line(item) for item in node.value[:-1]]
        return "\n" if ends and all(self._text.startswith("\n", end) for end in ends) else ""

    def _addition(
        self, at: int, entries: object, node: yaml.Node, *, before: str = "", after: str = ""
    ) -> _Edit:
        """Return the edit that adds lines to a mapping or a list."""
        text = indent(_dumped(entries), " " * node.start_mark.column)
        return _Edit(at, at, f"{before}{text}{after}")

    def _removal(self, first: yaml.Node, last: yaml.Node, before: re.Pattern[str]) -> _Edit:
        """Return the edit that removes the lines of an entry, from its first node to its last."""
        if not self._begins_line(before, first):
            raise _RewriteError
        return _Edit(self._line(first), self._next_line(last), "")

    def _begins_line(self, before: re.Pattern[str], node: yaml.Node) -> bool:
        """Check that a node has a line of its own, but for what comes before it."""
        return bool(before.fullmatch(self._text, self._line(node), node.start_mark.index))

    def _line(self, node: yaml.Node) -> int:
        return int(node.start_mark.index - node.start_mark.column)

    def _next_line(self, node: yaml.Node) -> int:
        return self._text.index("\n", self._end(node)) + 1

    def _end(self, node: yaml.Node) -> int:
        """Return where a value ends; a block's own mark is behind the comments that follow it."""
        while isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
            last = node.value[-1]
            node = last[1] if isinstance(node, yaml.MappingNode) else last
        return len(self._text[node.start_mark.index : node.end_mark.index].rstrip()) + int(
            node.start_mark.index
        )


def _name(item: object) -> str:
    """Return what an item of a list keeps when the rest of it changes."""
    if isinstance(item, Mapping):
        return f"id {item.get('id') or item.get('day')}"
    return repr(item)


class _Writer(yaml.SafeDumper):
    """Writes plain YAML: no anchors, lists indented, numbers as people write them."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002 - as the base has it
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        super().increase_indent(flow, indentless=False)


def _number(writer: _Writer, value: Decimal) -> yaml.Node:
    text = write_decimal(value)
    kind = "float" if "." in text else "int"
    return writer.represent_scalar(f"tag:yaml.org,2002:{kind}", text)


def _day(writer: _Writer, value: date) -> yaml.Node:
    return writer.represent_scalar("tag:yaml.org,2002:timestamp", value.isoformat())


def _text(writer: _Writer, value: str) -> yaml.Node:
    # Read again, this line break would be a space; between double quotes it is escaped.
    style = '"' if "\x85" in value else None
    return writer.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Writer.add_representer(str, _text)
_Writer.add_representer(Decimal, _number)
_Writer.add_representer(date, _day)


def _dumped(value: object, *, flow: bool = False) -> str:
    return yaml.dump(
        value,
        Dumper=_Writer,
        allow_unicode=True,
        sort_keys=False,
        width=float("inf") if flow else WIDTH,
        default_flow_style=flow,
    )
