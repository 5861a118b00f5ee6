"""Atom feeds as the grammar of RFC 4287 and an independent reader find them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import feedparser
from lxml import etree


@cache
def _grammar() -> Any:  # noqa: ANN401 - lxml has no annotations
    return etree.RelaxNG(etree.parse(Path(__file__).with_name("atom.rng")))


def faults_of(feed: str) -> list[str]:
    """Return what breaks RFC 4287 in a feed: its grammar, and what the grammar cannot say."""
    document = etree.fromstring(feed.encode()).getroottree()
    found = [] if _grammar().validate(document) else [str(_grammar().error_log)]
    read = feedparser.parse(
        feed.encode(), response_headers={"content-type": "application/atom+xml"}
    )
    if read.bozo:
        found.append(str(read.bozo_exception))
    ids = [one.id for one in read.entries]
    found += [f"the id of two entries: {one}" for one in ids if ids.count(one) > 1]
    found += [f"an id that is no absolute IRI: {one}" for one in ids if not one.startswith("tag:")]
    if not read.feed.get("author") and not all(one.get("author") for one in read.entries):
        found.append("no author")
    links = [link for one in (read.feed, *read.entries) for link in one.links]
    if [one.rel for one in read.feed.links].count("self") != 1:
        found.append("not one link to itself")
    found += [
        f"a link that leaves the page's address: {one.href}"
        for one in links
        if not urljoin("http://page/region/a/b/c/d/e", one.href).startswith("http://page/region/")
    ]
    return found
