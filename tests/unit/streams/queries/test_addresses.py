"""Where workers are, as the setting says it."""

from __future__ import annotations

from pathlib import Path

import pytest

from boundary.addresses import UnusableAddressError
from streams.queries.addresses import WorkersUnknownError, WorkerTarget, parse_workers


def test_addresses_names_and_files() -> None:
    found = parse_workers(
        "http://a:1/, https://[::1]:2 ,dns+http://workers:6066,file+https:///etc/targets/*.json"
    )
    assert found.fixed == ("http://a:1", "https://[::1]:2")
    assert found.names == ("http://workers:6066",)
    assert found.files == (("https", "/etc/targets/*.json"),)


@pytest.mark.parametrize(
    "text",
    [
        "worker:6066",
        "http://a:1/metrics",
        "dns+http://a",
        "file+/etc/a",
        "http://u:p@a:1",
        "dns+a:1",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write|needs a port"):
        parse_workers(text)


def test_a_secret_goes_to_no_other_machine_in_the_open() -> None:
    """Unless the network is declared private."""
    found = parse_workers("dns+http://workers:6066")
    with pytest.raises(UnusableAddressError, match="unencrypted"):
        found.check(secret=True, plain_http=False)
    found.check(secret=True, plain_http=True)
    found.check(secret=False, plain_http=False)


def test_a_name_is_resolved_to_all_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "streams.queries.addresses.getaddrinfo",
        lambda *_, **__: [
            (0, 0, 0, "", ("10.0.0.1", 6066)),
            (0, 0, 0, "", ("fd00::1", 6066, 0, 0)),
        ],
    )
    assert parse_workers("dns+https://workers:6066").targets() == {
        WorkerTarget("https://10.0.0.1:6066", "workers"),
        WorkerTarget("https://[fd00::1]:6066", "workers"),
    }


def test_targets_of_prometheus(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[{"targets": ["a:1", "b:2"]}]')
    (tmp_path / "b.yml").write_text("- targets: ['c:3']\n  labels: {__scheme__: https}\n")
    found = parse_workers(f"file+http://{tmp_path}/*").targets()
    assert {one.url for one in found} == {"http://a:1", "http://b:2", "https://c:3"}


@pytest.mark.parametrize(
    "text",
    [
        *("{", "[1]", "[{'targets': 3}]", "[{'targets': ['a b']}]", "[" * 2_000),
        *("!!bool x", "!!timestamp x", '!!int ""', "[2020-13-45]"),
    ],
)
def test_a_file_that_is_none_of_prometheus_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "targets.yaml"
    file.write_text(text)
    with pytest.raises(WorkersUnknownError, match=r"targets\.yaml"):
        parse_workers(f"file+http://{file}").targets()


def test_a_name_that_can_be_none_is_named() -> None:
    with pytest.raises(WorkersUnknownError, match="no addresses"):
        parse_workers(f"dns+http://{'a' * 64}.example.org:6066").targets()


def test_json_without_end_is_named(tmp_path: Path) -> None:
    file = tmp_path / "targets.json"
    file.write_text("[" * 100_000)
    with pytest.raises(WorkersUnknownError, match=r"targets\.json"):
        parse_workers(f"file+http://{file}").targets()


def test_a_missing_file_is_named() -> None:
    with pytest.raises(WorkersUnknownError, match="no such file"):
        parse_workers("file+http:///no/such.json").targets()
