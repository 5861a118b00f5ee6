"""A request is read as the CloudEvents HTTP binding has it, and one that is ambiguous is not."""

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.errors import RefusalReason
from gateway.http_binding import Delivery, HttpMode, combined_headers, read_delivery
from gateway.problems import ProblemError

STRUCTURED = b"application/cloudevents+json"
BATCH = b"application/cloudevents-batch+json"


def delivery(content_type: bytes, body: bytes, **attributes: bytes) -> Delivery:
    headers = {b"content-type": content_type}
    headers |= {f"ce-{name}".encode(): value for name, value in attributes.items()}
    return read_delivery(headers, body)


def problem(content_type: bytes, body: bytes = b"{}", **headers: bytes) -> tuple[str, int]:
    named = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    with pytest.raises(ProblemError) as refused:
        read_delivery({b"content-type": content_type, **named}, body)
    return refused.value.kind.name, refused.value.kind.status


def test_a_structured_event_is_kept_byte_for_byte() -> None:
    body = b' {"id": "\xc3\xa9"}\n'

    read = delivery(b"Application/CloudEvents+JSON; charset=UTF-8", body)

    [item] = read.items
    assert read.mode is HttpMode.STRUCTURED
    assert (item.value, item.headers) == (body, (("content-type", STRUCTURED),))
    assert (item.content, item.defect) == ({"id": "é"}, None)


def test_a_batch_is_cut_into_its_events() -> None:
    read = delivery(BATCH, b'[ {"id":"1"} ,{"id": "2"}]')

    assert read.mode is HttpMode.BATCH
    assert [item.value for item in read.items] == [b'{"id":"1"}', b'{"id": "2"}']
    assert {item.headers for item in read.items} == {(("content-type", STRUCTURED),)}


def test_a_binary_event_has_its_attributes_in_headers() -> None:
    read = delivery(b"application/json", b'{"uai": "x"}', id=b"1", type=b"t")

    [item] = read.items
    assert read.mode is HttpMode.BINARY
    assert item.value == b'{"uai": "x"}'
    assert item.headers == (
        ("ce_id", b"1"),
        ("ce_type", b"t"),
        ("content-type", b"application/json"),
    )
    assert item.content == {"id": "1", "type": "t", "data": {"uai": "x"}}


@given(st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda text: text[0] != '"'))
def test_attributes_are_percent_decoded(text: str) -> None:
    [item] = delivery(b"application/json", b"{}", id=quote(text, safe=" ").encode()).items

    assert item.defect is None
    assert item.headers[0] == ("ce_id", text.encode())


def test_quotes_around_an_attribute_are_not_part_of_it() -> None:
    [item] = delivery(b"application/json", b"{}", id=rb'"a \"b\" c"').items

    assert item.headers[0] == ("ce_id", b'a "b" c')


@pytest.mark.parametrize("value", [b"caf\xc3\xa9", b"%zz", b"%c3", b"a\x00", b"%"])
def test_an_attribute_that_is_not_encoded_is_the_item_s_defect(value: bytes) -> None:
    [item] = delivery(b"application/json", b"{}", id=value).items

    assert item.defect is not None
    assert (item.defect.reason, item.defect.field) == (RefusalReason.INVALID_ENVELOPE, "ce-id")


@pytest.mark.parametrize(
    "content_type",
    [
        b"",
        b"text/plain",
        b"application/json",  # without a ce- header it is nobody's event
        b"application/cloudevents+xml",
        b"application/cloudevents+json; charset=iso-8859-1",
        b"application/cloudevents-batch+json; charset=utf-16",
        b"application/cloudevents",
        b"application/x-www-form-urlencoded",
    ],
)
def test_other_content_types_are_not_read(content_type: bytes) -> None:
    assert problem(content_type) == ("unsupported_media_type", 415)


def test_a_compressed_body_is_not_read() -> None:
    assert problem(STRUCTURED, content_encoding=b"gzip") == ("unsupported_media_type", 415)


@pytest.mark.parametrize(
    "content_type", [b"text/csv", b"application/json; charset=latin-1", b"application/json; note=x"]
)
def test_binary_mode_takes_json_in_utf_8_only(content_type: bytes) -> None:
    assert problem(content_type, ce_id=b"1") == ("unsupported_media_type", 415)


@pytest.mark.parametrize("headers", [{}, {b"content-type": b""}])
def test_binary_mode_is_json_without_a_content_type(headers: dict[bytes, bytes]) -> None:
    """CloudEvents implies it; the record has it, so that no reader has to guess."""
    [item] = read_delivery({**headers, b"ce-id": b"1"}, b'{"uai": "x"}').items

    assert item.defect is None
    assert item.headers == (("ce_id", b"1"), ("content-type", b"application/json"))


@pytest.mark.parametrize(
    ("attribute", "header"),
    [
        ("1", b"1"),
        ("1", b'"1"'),
        ("Lycée 1", b"Lyc%C3%A9e%201"),
        ("Lycée 1", b"Lyc%c3%a9e 1"),
        ("100%25", b"100%2525"),
        (7, b"7"),
        (True, b"true"),
    ],
)
def test_headers_may_repeat_what_a_structured_event_says(attribute: object, header: bytes) -> None:
    [item] = delivery(STRUCTURED, json.dumps({"ext": attribute}).encode(), ext=header).items

    assert item.defect is None


@pytest.mark.parametrize(
    ("attribute", "header"),
    [
        ("1", b"2"),
        ("1", b"%32"),
        ("1", b""),
        ("100%25", b"100%25"),
        ("%", b"%"),
        ("é", b"\xc3\xa9"),
        (True, b"True"),
        (True, b"1"),
        (1, b"true"),
        (None, b"None"),
        ([1], b"[1]"),
    ],
)
def test_headers_must_not_contradict_a_structured_event(attribute: object, header: bytes) -> None:
    """A router that reads the headers would route another event than the one accepted."""
    body = json.dumps({"ext": attribute}).encode()

    assert problem(STRUCTURED, body, ce_ext=header) == ("ambiguous_request", 400)


def test_a_batch_has_no_attributes_in_headers() -> None:
    assert problem(BATCH, b"[]", ce_id=b"1") == ("ambiguous_request", 400)


def test_a_batch_has_its_limit() -> None:
    assert len(delivery(BATCH, json.dumps([{}] * 500).encode()).items) == 500
    assert problem(BATCH, json.dumps([{}] * 501).encode()) == ("batch_too_large", 413)


@pytest.mark.parametrize("body", [b"", b"{}", b"[{]", b"[{},", b"\xff[]", b'[{"a"}]'])
def test_a_batch_that_is_no_array_of_json_is_refused_as_a_whole(body: bytes) -> None:
    assert problem(BATCH, body) == ("invalid_json", 400)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"a": 1, "a": 2}', b"[NaN]"])
def test_a_single_event_that_is_no_json_is_an_item_with_a_defect(body: bytes) -> None:
    for item in (
        *delivery(STRUCTURED, body).items,
        *delivery(b"application/json", body, id=b"1").items,
    ):
        assert item.defect is not None
        assert item.defect.reason is RefusalReason.INVALID_JSON
        assert item.value == body


@pytest.mark.parametrize("body", [b"[]", b"{}"])
def test_a_byte_order_mark_is_named(body: bytes) -> None:
    """No editor shows it; the record would be kept with it, and not be read by others."""
    marked = b"\xef\xbb\xbf" + body

    with pytest.raises(ProblemError, match="remove the byte order mark"):
        delivery(BATCH, marked)
    (item,) = delivery(STRUCTURED, marked).items
    assert item.defect is not None
    assert "byte order mark" in item.defect.problem


@pytest.mark.parametrize(
    "name",
    [
        b"authorization",
        b"ce-id",
        b"ce-source",
        b"content-type",
        b"smartregion-producer",
        b"webhook-id",
        b"webhook-signature",
        b"webhook-timestamp",
    ],
)
def test_a_header_with_one_value_comes_once(name: bytes) -> None:
    with pytest.raises(ProblemError, match="came twice"):
        combined_headers([(name, b"1"), (b"accept", b"*/*"), (name, b"1")])


def test_lists_may_come_in_parts() -> None:
    assert combined_headers([(b"accept", b"a"), (b"accept", b"b")]) == {b"accept": b"a, b"}


def test_a_body_has_one_length() -> None:
    """Two of them are how requests are smuggled past a proxy."""
    with pytest.raises(ProblemError, match="content-length"):
        combined_headers([(b"content-length", b"1"), (b"transfer-encoding", b"chunked")])
