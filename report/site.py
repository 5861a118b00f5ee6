"""What a site's settings say of its page: where it is, who answers questions, who may frame it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from catalogue.contacts import Contacts, is_nobody, load_contacts
from catalogue.formatting import day_text
from catalogue.model import Catalogue
from events.producers.model import Producers, load_producers
from events.record_rules import RULES, RecordRules
from report.promise import PromisePage
from report.settings import PageSettings
from report.view import View


@dataclass(frozen=True, slots=True)
class PageSite:
    """Where and for whom the page is served; by default for nobody in particular."""

    producers: Producers = field(default_factory=load_producers)
    rules: RecordRules = RULES
    """From when a permanent link no longer changes."""
    root: str | None = None
    """The first page's address as readers know it, with the slash that links begin after."""
    owners: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The addresses of mail of each programme's owner, where readers may write to it."""
    frame_sites: str = ""
    """The sites that may show charts in frames, as a Content Security Policy names them."""

    def question(self, page: PromisePage, view: View) -> str | None:
        """Return a link that begins a mail about a figure; None where nobody answers."""
        owners = self.owners.get(page.programme.id)
        if owners is None:
            return None
        standing = page.standing
        what = f"{page.indicator.title}, {standing.territory}, {day_text(view.as_of)}"
        value = standing.value.text or standing.value.reason
        address = f"{self.root or ''}promesses/{page.indicator.id}{view.permanent()}"
        text = f"Bonjour,\n\nMa question porte sur ce chiffre :\n{what} : {value}\n{address}\n\n"
        # RFC 6068: lines of a mail end so, and a blank is no plus sign.
        body = quote(text.replace("\n", "\r\n"))
        return f"mailto:{quote(','.join(owners), safe='@,')}?subject={quote(what)}&body={body}"


def page_site(settings: PageSettings, catalogue: Catalogue) -> PageSite:
    """Return what settings say. Raises ContactsError and InvalidDeclarationError."""
    producers = load_producers(settings.producers)
    contacts = Contacts()
    if settings.page_contacts is not None:
        contacts = load_contacts(
            settings.page_contacts,
            [one.id for one in catalogue.programmes],
            [one.id for one in producers.producers],
        )
    mails = {
        programme: tuple(one for one in contact.mail if not is_nobody(one))
        for programme, contact in contacts.owners.items()
    }
    return PageSite(
        producers=producers,
        rules=settings.record_rules(),
        root=None if settings.page_url is None else f"{settings.page_url.rstrip('/')}/",
        owners={programme: addresses for programme, addresses in mails.items() if addresses},
        frame_sites=settings.page_frame_sites,
    )
