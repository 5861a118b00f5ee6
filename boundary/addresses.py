"""Addresses from users: how they are shown, and whether a secret may be sent there."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from boundary.terminal import one_line

#: Up to the last `@`: a password may contain any character, and must not be shown.
_USER: Final = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*:/*)?.*@", re.DOTALL)
_MASK: Final = "…"
_HOST_AND_PORT: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}")


class UnusableAddressError(Exception):
    """An address cannot be used; callers name its owner. No part of the message shows a secret."""

    def __init__(self, url: str, *, problem: str, remedy: str) -> None:
        self.shown = shown_address(url)
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem}, value {self.shown!r}: {remedy}")


def shown_address(url: str) -> str:
    """Return an address as one line, without its secrets: user, password, query, fragment."""
    masked = _USER.sub(lambda found: f"{found[1] or ''}{_MASK}@", url, count=1)
    bare = re.split(r"[?#]", masked, maxsplit=1)
    return one_line(bare[0] + (_MASK if len(bare) > 1 else ""))


def is_host_and_port(text: str) -> bool:
    """Return whether a text is HOST:PORT, with an IPv6 address in brackets."""
    return _HOST_AND_PORT.fullmatch(text) is not None


def is_loopback(host: str) -> bool:
    """Return whether a host's name or address is this machine's loopback."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def names_loopback(header: str) -> bool:
    """Return whether the Host header of a request names this machine's loopback.

    Any other name may be an attacker's that resolves to this machine (DNS rebinding): a browser
    then passes the response to the attacker's page.
    """
    try:
        host = urlsplit(f"//{header}").hostname
    except ValueError:
        return False
    return is_loopback(host or "")


def usable_address(
    url: str, *, secret: bool = False, plain_http: bool = False, query: bool = False
) -> SplitResult:
    """Return the parts of an http or https address.

    With a `secret`, it must be https or on this machine, unless `plain_http` declares the network
    private. A query is only allowed with `query`. Raises UnusableAddressError.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
        parts.port  # noqa: B018 - raises if it is invalid
    except ValueError:
        host = None
    remedy = "write it as https://HOST or http://HOST:PORT"
    if host is None or parts.scheme not in ("http", "https") or not _is_plain(url):
        raise UnusableAddressError(url, problem="is not an http or https address", remedy=remedy)
    if "@" in parts.netloc or parts.fragment or (parts.query and not query):
        remedy = "write the address alone; secrets are read from files"
        raise UnusableAddressError(url, problem="has a user, a query or a fragment", remedy=remedy)
    if secret and parts.scheme == "http" and not plain_http and not is_loopback(host):
        remedy = "use https, or give --plain-http where the network is yours alone"
        raise UnusableAddressError(url, problem="would send a secret unencrypted", remedy=remedy)
    return parts


def _is_plain(url: str) -> bool:
    """Return whether an address has no spaces or control characters: urlsplit removes some."""
    return url.isprintable() and " " not in url
