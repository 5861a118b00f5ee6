"""What rule files are made of."""

import pytest

from dashboards.rules.model import Alert, Recording, RuleGroup, duration, rule_document


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "0s"), (1, "1s"), (90, "90s"), (300, "5m"), (5400, "90m"), (7200, "2h"), (345_600, "4d")],
)
def test_a_time_is_written_in_its_largest_whole_unit(seconds: float, written: str) -> None:
    """As Prometheus and Alertmanager read it."""
    assert duration(seconds) == written


def test_a_document_has_its_rules_in_their_order() -> None:
    """A rule sees what those before it recorded."""
    recording = Recording("a:b:c", "sum(b)")
    alert = Alert(
        "Fires", "a:b:c > 1", 60, {"severity": "info"}, {"summary": "s"}, keep_firing_for=300
    )

    assert rule_document(RuleGroup("g", [recording, alert])) == {
        "groups": [
            {
                "name": "g",
                "rules": [
                    {"record": "a:b:c", "expr": "sum(b)"},
                    {
                        "alert": "Fires",
                        "expr": "a:b:c > 1",
                        "for": "1m",
                        "keep_firing_for": "5m",
                        "labels": {"severity": "info"},
                        "annotations": {"summary": "s"},
                    },
                ],
            }
        ]
    }


def test_a_group_may_have_an_interval_of_its_own() -> None:
    """What is recorded once an hour."""
    group = RuleGroup("g", [], interval=3600)

    assert rule_document(group) == {"groups": [{"name": "g", "interval": "1h", "rules": []}]}
