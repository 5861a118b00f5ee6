"""Addresses of the Web that people give: what is shown of one, and whether a secret goes there."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from boundary.showing import one_line

__all__ = ["UnusableAddressError", "is_loopback", "shown_address", "usable_address"]

#: Up to the last sign: a password may hold any character, and half of one is one too.
_USER: Final = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*:/*)?.*@", re.DOTALL)
_MASK: Final = "…"


class UnusableAddressError(Exception):
    """An address that no request goes to; the rooms say whose it is. No part shows a secret."""

    def __init__(self, url: str, *, problem: str, remedy: str) -> None:
        self.shown = shown_address(url)
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem}, value {self.shown!r}: {remedy}")


def shown_address(url: str) -> str:
    """Return an address without what may be a secret: user, password, query, fragment; one line."""
    masked = _USER.sub(lambda found: f"{found[1] or ''}{_MASK}@", url, count=1)
    bare = re.split(r"[?#]", masked, maxsplit=1)
    return one_line(bare[0] + (_MASK if len(bare) > 1 else ""))


def is_loopback(host: str) -> bool:
    """Tell whether a host's name or address is this machine's own."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def usable_address(
    url: str, *, secret: bool = False, plain_http: bool = False, query: bool = False
) -> SplitResult:
    """Take an address of http or https apart, as it may be asked.

    With a `secret` it is https, or this machine; `plain_http` says that the network is one's own.
    A `query` is refused unless it is said to be there. Raises UnusableAddressError.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
        parts.port  # noqa: B018 - raises where it is none
    except ValueError:
        host = None
    remedy = "write it as https://HOST or http://HOST:PORT"
    if host is None or parts.scheme not in ("http", "https") or not _is_plain(url):
        raise UnusableAddressError(url, problem="is not an address of the Web", remedy=remedy)
    if "@" in parts.netloc or parts.fragment or (parts.query and not query):
        remedy = "write the address alone; a secret is read from a file"
        raise UnusableAddressError(url, problem="says more than where to ask", remedy=remedy)
    if secret and parts.scheme == "http" and not plain_http and not is_loopback(host):
        remedy = "use https, or say --plain-http where the network is yours alone"
        raise UnusableAddressError(url, problem="would show a secret to the network", remedy=remedy)
    return parts


def _is_plain(url: str) -> bool:
    """Whether an address has neither spaces nor controls: urlsplit leaves some of them out."""
    return url.isprintable() and " " not in url
