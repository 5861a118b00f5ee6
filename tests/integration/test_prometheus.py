"""The tests' own Prometheus and Alertmanager: started, asked, stopped and started again."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from dashboards.rules.pace import PACES
from dashboards.rules.scraping import Access, prometheus_document
from tests.support.prometheus import Monitoring, QueryError, amtool, create_blocks, promtool
from tests.support.recording_server import recording_server
from tests.support.waiting import wait_until

ALWAYS = """\
groups:
  - name: always
    rules:
      - alert: Always
        expr: vector(42) > 0
        labels: {severity: info}
"""
SILENT = """\
route: {receiver: nobody}
receivers: [{name: nobody}]
"""
LAST_DECADE = """\
# TYPE smartregion_test gauge
smartregion_test{day="first"} 1 1451606400
smartregion_test{day="first"} 2 1451692800
# EOF
"""


def test_alert_reaches_the_alertmanager(monitoring: Monitoring, tmp_path: Path) -> None:
    """A rule that fires is sent to the Alertmanager that the Prometheus was given."""
    rules = tmp_path / "rules.yaml"
    rules.write_text(ALWAYS)
    promtool("check", "rules", rules)
    alertmanager = monitoring.alertmanager(SILENT)
    amtool("check-config", alertmanager.configuration_file)
    prometheus = monitoring.prometheus(rules=[rules], alertmanagers=[alertmanager.address])
    assert wait_until(lambda: prometheus.firing() == {"Always"}, seconds=20)
    assert wait_until(lambda: bool(alertmanager.alerts()), seconds=20)
    assert alertmanager.alerts()[0]["labels"]["alertname"] == "Always"


def test_blocks_of_another_decade_are_kept(monitoring: Monitoring, tmp_path: Path) -> None:
    """Blocks made of OpenMetrics text are there on their own days, also after a restart."""
    text = tmp_path / "years.om"
    text.write_text(LAST_DECADE)
    prometheus = monitoring.prometheus(blocks=create_blocks(text, tmp_path / "blocks"))
    assert prometheus.value("smartregion_test", date(2016, 1, 1)) == 1
    prometheus.stop()
    prometheus.start()
    (line,) = prometheus.query_range("smartregion_test", date(2016, 1, 1), date(2016, 1, 2))
    assert [value for _, value in line.points] == [1, 2]


def test_scrapes_what_it_is_given(monitoring: Monitoring) -> None:
    """A target is scraped under its job's name: here the Prometheus scrapes itself."""
    prometheus = monitoring.prometheus()
    prometheus.configure(
        {
            "global": {"scrape_interval": "1s"},
            "scrape_configs": [
                {"job_name": "itself", "static_configs": [{"targets": [prometheus.address]}]}
            ],
        }
    )
    prometheus.reload()
    assert wait_until(lambda: prometheus.up("itself"), seconds=20)
    # A target's health is told before its samples can be read.
    assert wait_until(lambda: prometheus.value('up{job="itself"}') == 1, seconds=20)


def test_no_process_sends_the_token_elsewhere(monitoring: Monitoring, tmp_path: Path) -> None:
    """An address that was taken over is answered by a redirect: it is not followed."""
    token = tmp_path / "token"
    token.write_text("open-sesame")
    prometheus = monitoring.prometheus()
    with (
        recording_server(body=b"up 1\n") as other,
        recording_server(status=302, headers={"Location": f"{other.url}/metrics"}) as worker,
    ):
        address = worker.url.removeprefix("http://")
        prometheus.configure(
            prometheus_document(
                PACES["live"],
                workers=(address,),
                assessors=(),
                gateways=(),
                pages=(),
                alertmanagers=(),
                access=Access(str(token)),
            )
        )
        prometheus.reload()
        assert wait_until(lambda: len(worker.secrets) > 1, seconds=20)
        prometheus.stop()

    assert set(worker.secrets) == {"Bearer open-sesame"}
    assert other.lines == []


def test_wrong_expression_is_reported(monitoring: Monitoring) -> None:
    """An expression that Prometheus refuses fails with its reason."""
    prometheus = monitoring.prometheus()
    with pytest.raises(QueryError, match="parse error"):
        prometheus.query("sum(")


def test_posted_alert_is_held(monitoring: Monitoring) -> None:
    """An Alertmanager takes an alert as Prometheus posts it, and holds it until it ends."""
    alertmanager = monitoring.alertmanager(SILENT)
    ends = datetime.now(UTC) + timedelta(minutes=5)
    alertmanager.post([{"labels": {"alertname": "Posted"}, "endsAt": ends.isoformat()}])
    assert wait_until(lambda: len(alertmanager.alerts()) == 1, seconds=10)
