"""The catalogue of an Opendatasoft portal, by its Explore API v2.1."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from sources.harvest.polite_client import PoliteAnswer, PoliteClient
from sources.harvest.portal_dataset import LONGEST_URL, Described, Distribution, HarvestError
from sources.harvest.snapshot import PortalSnapshot, follow_pages, get_page

PAGE: Final = 100
"""The most datasets of one answer. Each page begins with the last dataset of the page before;
otherwise datasets may have moved to a page that was read before."""
REACH: Final = 10_000
"""The API refuses an offset beyond."""
_API: Final = "/api/explore/v2.1"


def read_opendatasoft(client: PoliteClient, url: str) -> PortalSnapshot:
    """Read the whole catalogue, page by page, in the order of the identifiers.

    Raises HarvestError and the client's errors for the first page; a later page that cannot be read
    leaves the snapshot incomplete.
    """
    base = portal_of(url) + _API
    snapshot = PortalSnapshot()
    offset = 0
    last: object = None

    def read(address: str) -> str | None:
        nonlocal offset, last
        page = get_page(client, address, accept="application/json")
        results, total = _content(page)
        snapshot.count(total)
        snapshot.add(described_by(entry, base) for entry in results)
        if offset and last not in map(_name, results[:1]):
            snapshot.incomplete = "datasets moved from page to page, as they were listed"
        if not results or offset + PAGE >= total:
            return None
        last = _name(results[-1])
        offset += PAGE - 1
        if offset + PAGE > REACH:
            snapshot.incomplete = f"the API ends at {REACH} datasets: use `harvest dcat`"
            return None
        return _address(base, offset)

    follow_pages(snapshot, _address(base, 0), read)
    snapshot.check(len(snapshot.keys))
    return snapshot


def _address(base: str, offset: int) -> str:
    query = urlencode({"limit": PAGE, "offset": offset, "order_by": "dataset_id"})
    return f"{base}/catalog/datasets?{query}"


def _content(page: PoliteAnswer) -> tuple[list[object], int]:
    """Return the entries of a page, and how many there are in all. Raises HarvestError."""
    content = page.answer.json()
    if isinstance(content, dict):
        results, count = content.get("results"), content.get("total_count")
        if isinstance(results, list) and isinstance(count, int):
            return results, count
    remedy = "give the address of an Opendatasoft portal, as https://data.example.fr"
    raise HarvestError(page.url, "is no page of the Explore API v2.1", remedy=remedy)


def _name(entry: object) -> object:
    return _mapping(entry).get("dataset_id")


def portal_of(url: str) -> str:
    """Return the address of a portal, the same for every address within it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.lower()}"


def described_by(entry: object, base: str) -> Described | None:
    """Return what an entry of the catalogue says; None if it does not name its dataset."""
    if not isinstance(entry, Mapping) or not isinstance(key := entry.get("dataset_id"), str):
        return None
    metas = _mapping(entry.get("metas"))
    default = _mapping(metas.get("default"))
    dcat = {**_mapping(metas.get("dcat")), **_mapping(metas.get("dcat_ap"))}
    return Described(
        key=key,
        identifier=key,
        title=_text(default.get("title")),
        publisher=_text(default.get("publisher")) or _text(dcat.get("creator")),
        themes=tuple(_texts(default.get("theme"))),
        licences=(*_texts(default.get("license")), *_texts(default.get("license_url"))),
        frequency=_text(default.get("update_frequency")) or _text(dcat.get("accrualperiodicity")),
        issued=_text(dcat.get("issued")) or _text(dcat.get("created")),
        modified=_text(default.get("modified")) or _text(default.get("data_processed")),
        distributions=tuple(
            Distribution(url=one) for one in _addresses(entry, key, base) if len(one) <= LONGEST_URL
        ),
    )


def _addresses(entry: Mapping[str, Any], key: str, base: str) -> Iterator[str]:
    """Yield the addresses of the data: one export of the records, and the attached files."""
    here = f"{base}/catalog/datasets/{quote(key, safe='')}"
    if entry.get("has_records", True):
        yield f"{here}/exports/csv"
    old = f"{base.removesuffix(_API)}/api/datasets/1.0/{quote(key, safe='')}"
    for kind in ("alternative_exports", "attachments"):
        files = entry.get(kind)
        for file in files if isinstance(files, list) else ():
            if isinstance(file, Mapping) and isinstance(name := file.get("id"), str) and name:
                yield f"{old}/{kind}/{quote(name, safe='')}/"


def _mapping(content: object) -> Mapping[str, Any]:
    return content if isinstance(content, Mapping) else {}


def _texts(content: object) -> Iterator[str]:
    """Yield the texts of a value, which may be one or a list of them."""
    for one in content if isinstance(content, list) else (content,):
        if isinstance(one, str) and one.strip():
            yield one.strip()


def _text(content: object) -> str:
    return next(_texts(content), "")
