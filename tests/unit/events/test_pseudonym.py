"""Pseudonyms: stable for a key, unrelated without it, and right by contract."""

from __future__ import annotations

import hmac
import resource
import unicodedata
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from boundary.errors import SmartRegionError
from events.identifiers import PseudonymousId
from events.person_data import find_person_data
from events.pseudonym import (
    LONGEST_LINE,
    LONGEST_PERSON,
    PseudonymKey,
    load_key,
    pseudonymise_lines,
    write_new_key,
)
from tests.support.private_files import private_file

KEY = PseudonymKey("k1", bytes(range(32)))

persons = st.text(min_size=1, max_size=60).filter(
    lambda text: bool(unicodedata.normalize("NFC", text).strip())
)
key_ids = st.from_regex(r"[a-z][a-z0-9]{0,7}", fullmatch=True)
keys = st.builds(PseudonymKey, key_ids, st.binary(min_size=32, max_size=32))


@given(key=keys, person=persons)
def test_a_pseudonym_is_what_the_contract_asks_for(key: PseudonymKey, person: str) -> None:
    pseudonym = key.pseudonym(person)
    assert TypeAdapter(PseudonymousId).validate_python(pseudonym) == pseudonym
    assert pseudonym.startswith(f"{key.id}-")
    assert find_person_data({"enrolment_id": pseudonym}) is None


@given(person=persons)
def test_it_is_the_hmac_of_the_person(person: str) -> None:
    identity = unicodedata.normalize("NFC", person).strip().encode()
    expected = hmac.new(bytes(range(32)), identity, sha256).hexdigest()[:32]
    assert KEY.pseudonym(person) == f"k1-{expected}"


@given(person=persons)
def test_spaces_around_and_the_encoding_of_accents_make_no_difference(person: str) -> None:
    decomposed = unicodedata.normalize("NFD", person)
    assert KEY.pseudonym(f" {decomposed}\r\n") == KEY.pseudonym(person)


@given(key=keys)
def test_a_key_is_read_as_it_is_written(key: PseudonymKey) -> None:
    read = PseudonymKey.from_text(key.reveal())
    assert read is not None
    assert (read.id, read.pseudonym("x")) == (key.id, key.pseudonym("x"))


def test_nobody_is_identified_by_a_long_text() -> None:
    """To compose accents takes the square of a text's length; spaces around it do not count."""
    longest = "x" * LONGEST_PERSON
    assert KEY.pseudonym(" " * 100 + longest) == KEY.pseudonym(longest)
    with pytest.raises(ValueError, match="more than 1000"):
        KEY.pseudonym(longest + "x")
    with pytest.raises(SmartRegionError, match=r"line 2: .*more than 1000"):
        list(pseudonymise_lines([b"somebody\n", f"{longest}x\n".encode()], KEY))
    with pytest.raises(SmartRegionError, match=r"line 1: .*more than 1000"):
        list(pseudonymise_lines([b" " * LONGEST_LINE + b"a"], KEY))


def test_a_key_does_not_show_itself() -> None:
    assert repr(KEY) == "PseudonymKey('k1', '**********')"
    assert KEY.reveal()[7:] not in f"{KEY} {KEY!r} {[KEY]}"


def test_a_new_key_is_its_owners(tmp_path: Path) -> None:
    file = tmp_path / "key"
    key = write_new_key(file, "k7")
    assert file.stat().st_mode & 0o777 == 0o600
    assert load_key(file).pseudonym("x") == key.pseudonym("x")


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "key"
    write_new_key(file, "k1")
    before = file.read_text()
    with pytest.raises(SmartRegionError, match="cannot be created"):
        write_new_key(file, "k2")
    assert file.read_text() == before


def test_a_full_disk_leaves_no_file_without_a_key(tmp_path: Path) -> None:
    file = tmp_path / "key"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with pytest.raises(SmartRegionError, match=r"cannot be created .* with room"):
            write_new_key(file, "k1")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    key = write_new_key(file, "k1")
    assert load_key(file).pseudonym("x") == key.pseudonym("x")


@pytest.mark.parametrize(
    "text", ["", "spk_k1_short", "k1:" + "A" * 43, "spk_K1_" + "A" * 43, "é", "spk_k1_" + "#" * 43]
)
def test_what_is_no_key_is_refused_unseen(tmp_path: Path, text: str) -> None:
    file = private_file(tmp_path / "key", text)
    with pytest.raises(SmartRegionError) as refused:
        load_key(file)
    assert not text or text not in str(refused.value)


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY.reveal())
    file.chmod(0o644)
    with pytest.raises(SmartRegionError):
        load_key(file)
    with pytest.raises(SmartRegionError, match="cannot be read"):
        load_key(tmp_path / "none")


@pytest.mark.parametrize("key_id", ["", "K1", "k_1", "1k", "k" * 9, "k1\n"])
def test_a_keys_id_is_short_and_plain(key_id: str) -> None:
    with pytest.raises(SmartRegionError, match="key id"):
        PseudonymKey.new(key_id)
    with pytest.raises(SmartRegionError, match="32 bytes"):
        PseudonymKey("k1", b"short")


def test_lines_stay_in_their_order() -> None:
    lines = ["\ufeffÉlève 1\r\n".encode(), b"b\n", "Élève 1".encode()]
    first, second, third = pseudonymise_lines(lines, KEY)
    assert (first, second) == (KEY.pseudonym("Élève 1"), KEY.pseudonym("b"))
    assert third == first


@pytest.mark.parametrize(("line", "problem"), [(b" \n", "is blank"), (b"\xe9l\xe8ve\n", "UTF-8")])
def test_a_line_of_nobody_ends_it(line: bytes, problem: str) -> None:
    with pytest.raises(SmartRegionError, match=f"line 2: .*{problem}") as refused:
        list(pseudonymise_lines([b"a\n", line], KEY))
    assert "ve" not in str(refused.value).replace("remove", "").replace("convert", "")


def test_the_documented_program_makes_the_same_pseudonyms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (Path(__file__).parents[3] / "docs" / "person-data.md").read_text(encoding="utf-8")
    program = text.partition("```python\n")[2].partition("```")[0]
    monkeypatch.chdir(tmp_path)
    key = write_new_key(tmp_path / "pseudonyms.key", "k1")
    documented: dict[str, Callable[[str], str]] = {}
    exec(program, documented)  # noqa: S102 - our own documentation
    assert documented["pseudonym"](" E\u0301léonore ") == key.pseudonym("Éléonore")
