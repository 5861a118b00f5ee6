"""The generated names: boards that stay apart, and links that lead somewhere."""

from dashboards.conventions import programme_board


def test_long_programme_ids_have_different_uids() -> None:
    """Grafana refuses more than 40 characters, and two boards must not become one."""
    uids = {programme_board("a" * 62 + last) for last in "bc"}

    assert len(uids) == 2
    assert {len(uid) for uid in uids} == {40}
