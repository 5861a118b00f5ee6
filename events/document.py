"""One YAML file as plain data, with the line of each of its parts.

Only the plain part of YAML is read: one document of mappings, lists, text, whole and decimal
numbers, days, true, false and null. Surprising features (duplicate keys, anchors, tags, `no` as a
boolean, `1:30` as a number) are refused with a remedy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from string import Template
from types import MappingProxyType
from typing import Any

import yaml

from boundary.diagnostic import Diagnostic, FieldPath

LARGEST_FILE = 500_000
DEEPEST = 24
WIDTH = 100

#: libyaml's parser, which PyYAML's wheels include, takes a tenth of the time of the Python one. The
#: latter rereads what libyaml refuses, since its messages say more, and is the only one for text
#: that the two read differently.
_LOADERS: Sequence[Any] = (getattr(yaml, "CSafeLoader", yaml.SafeLoader), yaml.SafeLoader)
_READ_DIFFERENTLY = re.compile("[\t\ufeff]")
_TAG = "tag:yaml.org,2002:"
_NOTHING = re.compile(r"(?!)")
_READERS: Mapping[str, tuple[re.Pattern[str], Callable[[str], object]]] = {
    "str": (re.compile(r".*", re.DOTALL), str),
    "null": (re.compile(r".*"), lambda _: None),
    "bool": (re.compile(r"true|false"), "true".__eq__),
    "int": (re.compile(r"[-+]?(0|[1-9][0-9_]*)"), int),
    "float": (re.compile(r"[-+]?[0-9]+(_[0-9]+)*\.[0-9]+"), Decimal),
    "timestamp": (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"), date.fromisoformat),
}
_COMPLAINTS: Mapping[str, tuple[str, str]] = {
    "bool": ("is read by YAML as yes or no", "write true or false, or quote it"),
    "int": ("is not a plain number", "write digits, as 6_500_000, or quote it"),
    "float": ("is not a plain number", "write digits, as 0.95, or quote it"),
    "timestamp": ("is not a day of the calendar", "write a day as 2020-12-31, without a time"),
}
_HARMLESS = re.compile(r"[a-z][a-z0-9_-]{0,39}")
"""A key that may be shown even from a file with secrets: no secret of ours looks like this."""
UNTAG = "remove the tag: only plain YAML is read"


@dataclass
class Document:
    """A file's plain data, the line of each part, and the unreadable parts."""

    file: Path
    data: object = None
    lines: dict[FieldPath, int] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    """The unreadable parts."""

    def line(self, path: FieldPath) -> int:
        """Return the line of a part; of its container if the part is missing."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 1)

    def field(self, path: FieldPath, *, secret: bool = False) -> str:
        """Return a path as text, with ids instead of indices if the items have some.

        For a `secret` file, omits every key that could be a secret.
        """
        text = ""
        data: object = self.data
        for step in path:
            inner: object = None
            if isinstance(data, Mapping):
                inner = data.get(step)
            elif isinstance(data, list) and isinstance(step, int) and step < len(data):
                inner = data[step]
            if isinstance(step, str):
                key = step if not secret or _HARMLESS.fullmatch(step) else "…"
                text += f".{key}" if text else key
            else:
                name = inner.get("id") if isinstance(inner, Mapping) else None
                text += f"[{name if isinstance(name, str) and not secret else step}]"
            data = inner
        return text or "file"

    def locate(self, found: Diagnostic) -> Diagnostic:
        """Return a diagnostic of a part with its file, line and field."""
        line = found.line or self.line(found.path)
        return replace(found, file=self.file, line=line, field=self.field(found.path))

    def refuse(self, path: FieldPath, line: int, problem: str, value: object, remedy: str) -> None:
        """Add a diagnostic of a line."""
        self.diagnostics.append(Diagnostic(path, problem, value, remedy, line=line))


def data_beside(module: str, words: Mapping[str, str] = MappingProxyType({})) -> Any:  # noqa: ANN401 - plain data
    """Return the data of the YAML file beside a module of ours (its `__file__`) with its name.

    Each of `words` replaces its name behind a `$`.
    """
    text = Path(module).with_suffix(".yaml").read_text(encoding="utf-8")
    text = Template(text).safe_substitute(words) if words else text
    return yaml.load(text, Loader=_LOADERS[0])  # noqa: S506 - both loaders are safe


def read_document(file: Path) -> Document:
    """Read a file; its content never raises: mistakes are in the document."""
    document = Document(file)
    text = _text(document)
    if text is not None:
        _parse(document, text)
    return _located(document)


def document_of(file: Path, text: str) -> Document:
    """Read the current or future text of a file, like `read_document`."""
    document = Document(file)
    _parse(document, text)
    return _located(document)


def _located(document: Document) -> Document:
    document.diagnostics = [document.locate(one) for one in document.diagnostics]
    return document


def _text(document: Document) -> str | None:
    try:
        size = document.file.stat().st_size
        if size <= LARGEST_FILE:
            return document.file.read_text(encoding="utf-8-sig")
        remedy = f"split it: at most {LARGEST_FILE} bytes"
        document.refuse((), 1, "is too large", size, remedy)
    except UnicodeDecodeError as error:
        document.refuse((), 1, "is not UTF-8", error.reason, "save the file as UTF-8")
    except OSError as error:
        document.refuse((), 1, "cannot be read", error.strerror, "check its name and its rights")
    return None


def _parse(document: Document, text: str) -> None:
    for loader in _LOADERS[1:] if _READ_DIFFERENTLY.search(text) else _LOADERS:
        document.diagnostics.clear()
        try:
            _build(document, text, loader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark is not None else 1
            problem = f"is not YAML: {error.problem or error.context}"
            document.refuse((), line, problem, None, "check indentation, quotes and colons here")
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            remedy = "remove the control character"
            document.refuse((), line, "is not YAML: it has a control character", None, remedy)
        else:
            return


def _build(document: Document, text: str, loader: Any) -> None:  # noqa: ANN401 - a class of PyYAML
    _refuse_surprises(document, text, loader)
    if document.diagnostics:
        return
    node = yaml.compose(text, Loader=loader)
    if node is None:
        remedy = "write what belongs there, or remove the file"
        document.refuse((), 1, "is empty", None, remedy)
    else:
        document.data = _plain(document, (), node)


def _refuse_surprises(document: Document, text: str, loader: Any) -> None:  # noqa: ANN401
    """Refuse input that could expand, nest without end or be code, before building anything."""
    depth = documents = 0
    for event in yaml.parse(text, Loader=loader):
        line = event.start_mark.line + 1 if event.start_mark is not None else 1
        anchor = getattr(event, "anchor", None)
        if anchor is not None and not isinstance(event, yaml.AliasEvent):
            remedy = "write the value out where it is used"
            document.refuse((), line, "has an anchor", anchor, remedy)
        if getattr(event, "tag", None) == "!":
            # If no value follows, libyaml and PyYAML read it differently.
            document.refuse((), line, "has a tag", "!", UNTAG)
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                document.refuse((), line, "has a second document", "---", "one document a file")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            document.refuse((), line, "is nested too deep", depth, "use the documented form")
            return


def _plain(document: Document, path: FieldPath, node: yaml.Node) -> object:
    line = node.start_mark.line + 1
    document.lines.setdefault(path, line)
    if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
        return dict(_entries(document, path, node))
    if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
        return [_plain(document, (*path, index), item) for index, item in enumerate(node.value)]
    if isinstance(node, yaml.ScalarNode):
        return _scalar(document, path, node)
    document.refuse(path, line, "has a tag", node.tag.replace(_TAG, "!!"), UNTAG)
    return None


def _entries(
    document: Document, path: FieldPath, node: yaml.MappingNode
) -> Iterator[tuple[str, object]]:
    seen: dict[str, int] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != f"{_TAG}str":
            value = key_node.value if isinstance(key_node, yaml.ScalarNode) else "a collection"
            document.refuse(path, line, "has a key that is not text", value, "quote the key")
            continue
        key = key_node.value
        inner = (*path, key)
        if key in seen:
            remedy = f"keep this one or the one of line {seen[key]}"
            document.refuse(inner, line, "is there twice", key, remedy)
            continue
        seen[key] = line
        document.lines[inner] = line
        yield key, _plain(document, inner, value_node)


def _scalar(document: Document, path: FieldPath, node: yaml.ScalarNode) -> object:
    """Read one value; refuse look-alikes to which YAML gives another meaning."""
    kind = node.tag.removeprefix(_TAG)
    written, read = _READERS.get(kind, (_NOTHING, str))
    if written.fullmatch(node.value):
        with suppress(ValueError):
            return read(node.value)
    problem, remedy = _COMPLAINTS.get(kind, ("has a tag", UNTAG))
    document.refuse(path, node.start_mark.line + 1, problem, node.value, remedy)
    return None


class _Writer(yaml.SafeDumper):
    """Writes the YAML that is read here: no anchors, indented lists, plain numbers and days."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - as the base has it
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        super().increase_indent(flow, indentless=False)

    def serialize(self, node: yaml.Node) -> None:
        if isinstance(node, yaml.CollectionNode):
            node.flow_style = False  # Each outermost entry has its own line.
        super().serialize(node)


def _number(writer: _Writer, value: Decimal) -> yaml.Node:
    text = f"{value:f}"
    return writer.represent_scalar(f"{_TAG}{'float' if '.' in text else 'int'}", text)


def _text_node(writer: _Writer, value: str) -> yaml.Node:
    # This line break would be read as a space; between double quotes it is escaped.
    return writer.represent_scalar(f"{_TAG}str", value, style='"' if "\x85" in value else None)


_Writer.add_representer(Decimal, _number)
_Writer.add_representer(str, _text_node)


def plain_yaml(data: object) -> str:
    """Return plain data as YAML that `read_document` reads as the same data."""
    text: str = yaml.dump(
        data,
        Dumper=_Writer,
        allow_unicode=True,
        default_flow_style=None,
        sort_keys=False,
        width=WIDTH,
    )
    return text
