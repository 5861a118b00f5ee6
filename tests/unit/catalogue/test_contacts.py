"""Who is notified: read from a file, or nobody."""

from pathlib import Path

import pytest

from catalogue.contacts import Contact, Contacts, ContactsError, load_contacts

PROGRAMMES = ("lycees", "formation")
PRODUCERS = ("suivi",)


def load(folder: Path, text: str) -> Contacts:
    file = folder / "contacts.yaml"
    file.write_text(text, encoding="utf-8")
    return load_contacts(file, PROGRAMMES, PRODUCERS)


def test_an_owner_is_reached_as_the_file_says(tmp_path: Path) -> None:
    contacts = load(
        tmp_path,
        "owners: {lycees: {mail: [a@example.org], chat_url_file: /run/secrets/chat}}\n",
    )

    assert contacts.owner("lycees").mail == ("a@example.org",)
    assert contacts.owner("lycees").chat_url_file == Path("/run/secrets/chat")


def test_a_producer_is_reached_as_the_file_says(tmp_path: Path) -> None:
    contacts = load(tmp_path, "producers: {suivi: {mail: [suivi@example.org]}}\n")

    assert contacts.producers["suivi"].mail == ("suivi@example.org",)


def test_nobody_is_reached_where_nothing_is_filled_in(tmp_path: Path) -> None:
    contacts = load(tmp_path, "")

    everybody = [contacts.delegate, contacts.operator, *map(contacts.owner, PROGRAMMES)]
    assert all(one.mail[0].endswith("@smart-region.invalid") for one in everybody)
    assert contacts.mail.server.startswith("smtp.smart-region.invalid:")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("delegate: {mail: [nobody]}", "delegate.mail.0: "),
        ("delegate: {phone: '01'}", "delegate.phone: "),
        ("delegate: {mail: ['<a@example.org>']}", "delegate.mail.0: "),
        ("operator: {mail: ['a;b@example.org']}", "operator.mail.0: "),
        ("owners: {lycees: {mail: [délégué@example.org]}}", "owners.lycees.mail.0: "),
        ("mail: {sender: a..b@example.org}", "mail.sender: "),
        ("operator: {webhook: pager}", "operator.webhook: "),
        (
            "operator: {webhook: 'http://pager.example.org/', webhook_token_file: /token}",
            "operator.webhook_token_file: Value error, would be sent unencrypted",
        ),
        ("mail: {server: smtp.example.org}", "mail.server: "),
        (f"mail: {{server: 'localhost:{'9' * 30}'}}", "mail.server: Value error, names no port"),
        ("mail: {server: 'localhost:65536'}", "mail.server: Value error, names no port"),
        ("owners: {cantines: {mail: [a@example.org]}}", "owners.cantines: is no programme"),
        ("producers: {autre: {}}", "producers.autre: is no declared producer (one of suivi)"),
        ("producers: {suivi: {mail: [nobody]}}", "producers.suivi.mail.0: "),
        ("delegate: [", "file: "),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(ContactsError) as error:
        load(tmp_path, text)

    assert str(error.value).startswith(f"{tmp_path / 'contacts.yaml'}: {expected}")
    assert "\n" not in str(error.value)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = "delegate: {mail: [nobody]}\noperator: {phone: '01'}\nowners: {cantines: {}}\n"
    with pytest.raises(ContactsError) as error:
        load(tmp_path, text)

    told = str(error.value)
    assert "\n" not in told
    for field in ("delegate.mail.0: ", "operator.phone: ", "owners.cantines: is no programme"):
        assert field in told
    assert told.endswith(": see docs/alerting.md")


@pytest.mark.parametrize("url", ["https://pager.example.org/?a=b", "http://127.0.0.1:9/"])
def test_a_token_goes_over_tls_or_stays_on_the_machine(tmp_path: Path, url: str) -> None:
    text = f"operator: {{webhook: '{url}', webhook_token_file: /token}}"

    assert load(tmp_path, text).operator.webhook == url


def test_a_secret_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ContactsError) as error:
        load(tmp_path, "mail: {password: hunter2}")

    assert "hunter2" not in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContactsError, match=r"none\.yaml: file: .*name a readable file"):
        load_contacts(tmp_path / "none.yaml", PROGRAMMES, PRODUCERS)


@pytest.mark.slow
@pytest.mark.parametrize("content", ["# Préfecture".encode("cp1252"), b"!!bool x", b"[" * 2_000])
def test_a_file_that_is_no_yaml_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "contacts.yaml"
    file.write_bytes(content)

    with pytest.raises(ContactsError, match="name a readable file"):
        load_contacts(file, PROGRAMMES, PRODUCERS)


def test_nobody_is_reached_by_any_means() -> None:
    contacts = Contacts.nobody(PROGRAMMES)

    everybody = [contacts.delegate, contacts.operator, contacts.watchdog]
    assert [*everybody, *map(contacts.owner, PROGRAMMES)] == [Contact()] * (3 + len(PROGRAMMES))
