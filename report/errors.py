"""Errors of a request: French, for the reader of a page."""

from __future__ import annotations

from typing import Final

from boundary.errors import SmartRegionError

BAD_REQUEST: Final = 400
NOT_FOUND: Final = 404
LATER: Final = 503
"""The status of what may be asked again in a moment."""


class PageError(SmartRegionError):
    """A page that cannot be shown, and what the reader can do."""

    def __init__(
        self, message: str, status: int = 500, title: str = "Cette page ne peut pas être affichée"
    ) -> None:
        self.status = status
        self.title = title
        super().__init__(message)


class FiguresNotReadyError(PageError):
    """The figures or the events are still being read: the page tries again by itself."""

    def __init__(self) -> None:
        message = "les faits reçus sont en cours de lecture : réessayer dans un instant"
        super().__init__(message, LATER, "Les chiffres arrivent")


def bad_request(parameter: str, value: str, remedy: str) -> PageError:
    """Return the error of a wrong parameter of the address."""
    message = f"{parameter} : « {value[:80]} » ne convient pas : {remedy}"
    return PageError(message, BAD_REQUEST, "Cette adresse n’est pas correcte")


def not_found(what: str, name: str) -> PageError:
    """Return the error of an address that names what does not exist."""
    message = f"{what} « {name[:80]} » : n’existe pas ici ; revenir aux promesses"
    return PageError(message, NOT_FOUND, "Cette page n’existe pas")


def busy(what: str = "trop de pages sont demandées à la fois") -> PageError:
    """Return the error where too many pages are being made, or too many readers follow changes."""
    message = f"{what} : réessayer dans quelques secondes"
    return PageError(message, LATER, "Trop de demandes en ce moment")
