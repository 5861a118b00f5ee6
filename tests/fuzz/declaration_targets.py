"""Files that operators declare things in: catalogue, mappings, producers, territory."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from hypothesis import strategies as st

from boundary.errors import SmartRegionError
from catalogue.loader import PROGRAMMES, load_catalogue
from dashboards.rules.render import rule_documents
from dashboards.rules.site import MonitorSite
from events.declaration import InvalidDeclarationError
from events.producers.model import REGION, load_producers
from events.territory import COMMUNE_LENGTH, FILE, read_territory
from sources.importing.editions import reader_of
from sources.importing.mapping import MAPPINGS, load_mapping
from sources.importing.table import open_table
from tests.fuzz.edits import edited_bytes, spliced
from tests.fuzz.target import Target, scratch_file

_TIME: Final = datetime(2036, 1, 1, tzinfo=UTC)
_TOKENS: Final = re.compile(r"[\w.-]+|\n *(?:- )?|[\s\S]")
_FRAGMENTS: Final = (
    *[":", "{", "}", "[", "]", "'", "#", "---"],
    *(": ", "- ", "\n", "\n  ", "\n    - ", ", ", '"', " #"),
    *["*a"],
    *("&a ", "!!python/object:os.system ", "!!set ", "? ", "<<: ", "|\n", ">-\n"),
    "%YAML 1.1\n",
    *("null", "~", "true", "no", "1:30", "0x10", "1_000", "1e3", "-0", ".inf", ".nan", "9" * 5_000),
    *["2016-01-01", "2016-13-01", "0001-01-01", "9999-12-31", "2016-01-01T00:00:00Z"],
    *("9" * 400, "0." + "9" * 400),
    *["{x}", "{}{", "*", "[!", "..", "("],
    *("\x00", "\x85", "\u2028", "\ufeff", "é", "\t", "\r", "\\"),
    *["id", "count", "sum", "share", "where", "observed", "baseline", "milestones", "value"],
    *["target", "total", "of_each", "each", "as", "template", "pseudonym", "constant"],
    *["only", "quarter"],
    "delimiter: ",
)


def _indicators(text: str) -> list[str]:
    """Return the parts of a programme's file: what is before its indicators, then each of them."""
    return re.split(r"(?m)^(?=  - id:)", text)


_PROGRAMMES: Final = [
    _indicators(file.read_text(encoding="utf-8")) for file in sorted(PROGRAMMES.glob("*.yaml"))
]
_MAPPING_TEXTS: Final = [
    file.read_text(encoding="utf-8") for file in sorted(MAPPINGS.glob("*.yaml"))
]
_PRODUCERS: Final = re.split(r"(?m)^(?=  - id:)", REGION.read_text(encoding="utf-8"))


#: With a few communes for each département, and without the files of outlines.
_TERRITORY: Final = re.sub(
    r"communes: (>-\n( {6}.*\n)+|.*\n)|^\w*outlines: .*\n",
    lambda found: "communes: 1-3 7\n" if found[1] else "",
    FILE.read_text(encoding="utf-8"),
    flags=re.MULTILINE,
)


def _as_yaml(text: str) -> st.SearchStrategy[bytes]:
    return edited_bytes(text, _TOKENS, _FRAGMENTS)


@st.composite
def _catalogue_files(draw: st.DrawFn) -> bytes:
    head, *rest = draw(st.sampled_from(_PROGRAMMES))
    others = [part for _, *parts in _PROGRAMMES for part in parts]
    kept = draw(st.lists(st.sampled_from([*rest, *others]), min_size=1, max_size=2))
    return draw(_as_yaml(head + "".join(kept)))


@st.composite
def _producer_files(draw: st.DrawFn) -> bytes:
    head, *rest = _PRODUCERS
    kept = draw(st.lists(st.sampled_from(rest), min_size=1, max_size=2))
    return draw(_as_yaml(head + "".join(kept)))


@st.composite
def _owners(draw: st.DrawFn) -> bytes:
    """Draw producers of which each owns many entities, by name or by pattern."""
    parts = []
    for name in draw(st.sampled_from(["a", "ab"])):
        form = draw(st.sampled_from(["{name}{n}", "{name}{n}*", "*{name}{n}*", "{name}*{n}"]))
        count = draw(st.sampled_from([3, 150, 1_000]))
        entities = ", ".join(f"'{form.format(name=name, n=number)}'" for number in range(count))
        shares = f"      - {{types: [school.closed], entities: [{entities}]}}\n"
        parts.append(
            f"  - id: {name}\n    title: {name}\n    contact: {name}\n    sources: [/{name}]\n"
            f"    types: [school.*]\n    owns:\n{shares * draw(st.sampled_from([1, 4]))}"
            "    quota: {events_per_second: 1, burst: 1}\n    expected_every: daily\n"
        )
    return draw(spliced(f"producers:\n{''.join(parts)}".encode()))


def _refused(load: Callable[[Path], object], file: Path) -> bool:
    """Return whether a file is refused, each mistake in a line with its place."""
    try:
        load(file)
    except InvalidDeclarationError as error:
        found = error.diagnostics
    else:
        return False
    assert found
    for one in found:
        assert "\n" not in str(one)
        assert one.line >= 1
    return True


def _check_catalogue(content: bytes) -> None:
    """A catalogue that is accepted has rules; another is refused mistake by mistake."""
    file = scratch_file("programme.yaml", content)
    if not _refused(load_catalogue, file):
        rule_documents(load_catalogue(file), MonitorSite())


def _check_mapping(content: bytes) -> None:
    """A mapping that is accepted reads a file of its own columns."""
    file = scratch_file("mapping.yaml", content)
    if _refused(lambda path: load_mapping(str(path)), file):
        return
    mapping = load_mapping(str(file))
    reader = reader_of(mapping, pseudonymise=str)
    delimiter = mapping.delimiter or ";"
    columns = delimiter.join(mapping.layout.columns)
    cells = delimiter.join(["75056"] * len(mapping.layout.columns))
    text = "\n".join([columns, cells, cells.replace("75056", "2020-01-31"), ""])
    try:
        table = open_table(scratch_file("a.csv", text.encode(errors="replace")), reader.layout)
    except SmartRegionError:
        return  # A column may have the separator, a quote or an end of line in its name.
    for one in (*reader.read(table, _TIME), *reader.rest()):
        assert one.line >= 0


def _check_producers(content: bytes) -> None:
    """Producers are declared, or every mistake is named."""
    _refused(load_producers, scratch_file("producers.yaml", content))


def _check_territory(content: bytes) -> None:
    """From a territory that is accepted patterns follow; else every mistake is named."""
    file = scratch_file("territory.yaml", content)
    if _refused(read_territory, file):
        return
    read = read_territory(file)
    for pattern in (read.uai_pattern, read.commune_pattern, read.position_pattern):
        re.compile(pattern)
    for codes in (*read.communes.values(), *read.divided.values()):
        assert all(len(code) == COMMUNE_LENGTH for code in codes)


DECLARATION_TARGETS: Final = (
    Target("catalogue", "a programme's YAML", _catalogue_files(), _check_catalogue),
    Target(
        "mapping",
        "a mapping's YAML",
        st.sampled_from(_MAPPING_TEXTS).flatmap(_as_yaml),
        _check_mapping,
    ),
    Target("producers", "the producers' YAML", _producer_files() | _owners(), _check_producers),
    Target("territory", "a territory's YAML", _as_yaml(_TERRITORY), _check_territory),
)
