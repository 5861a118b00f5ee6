"""Errors of a request: French, for the reader of a page."""

from __future__ import annotations

from boundary.errors import SmartRegionError


class PageError(SmartRegionError):
    """A page that cannot be shown, and what the reader can do."""

    status = 500
    title = "Cette page ne peut pas être affichée"


class BadRequestError(PageError):
    """A parameter of the address is wrong."""

    status = 400
    title = "Cette adresse n’est pas correcte"

    def __init__(self, parameter: str, value: str, remedy: str) -> None:
        self.parameter = parameter
        super().__init__(f"{parameter} : « {value[:80]} » ne convient pas : {remedy}")


class NotFoundError(PageError):
    """What the address names does not exist."""

    status = 404
    title = "Cette page n’existe pas"

    def __init__(self, what: str, name: str) -> None:
        super().__init__(f"{what} « {name[:80]} » : n’existe pas ici ; revenir aux promesses")


class NotJudgedError(PageError):
    """An indicator that is left out: workers have another catalogue, or persons' are not read."""

    status = 503
    title = "Ce chiffre n’est pas connu en ce moment"

    def __init__(self, indicator: str) -> None:
        super().__init__(
            f"« {indicator} » n’est pas dans les chiffres de ce jour : la première page dit"
            " pourquoi"
        )


class BusyError(PageError):
    """Too many pages are being made, or too many readers follow the changes."""

    status = 503
    title = "Trop de demandes en ce moment"

    def __init__(self, what: str = "trop de pages sont demandées à la fois") -> None:
        super().__init__(f"{what} : réessayer dans quelques secondes")


class FiguresNotReadyError(PageError):
    """The figures or the events are still being read."""

    status = 503
    title = "Les chiffres arrivent"

    def __init__(self) -> None:
        super().__init__("les faits reçus sont en cours de lecture : réessayer dans un instant")
