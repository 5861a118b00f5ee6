"""The tests' own Prometheus and Alertmanager: started, asked, stopped and started again."""

from pathlib import Path

from dashboards.rules.render import prometheus_document
from dashboards.rules.site import PACES, MonitorSite
from tests.support.loopback import recording_server
from tests.support.prometheus import Monitoring
from tests.support.waiting import wait_until


def test_no_process_sends_the_token_elsewhere(monitoring: Monitoring, tmp_path: Path) -> None:
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
                MonitorSite(
                    PACES["live"],
                    workers=(address,),
                    assessors=(),
                    gateways=(),
                    pages=(),
                    alertmanagers=(),
                    metrics_token_file=str(token),
                )
            )
        )
        prometheus.reload()
        assert wait_until(lambda: len(worker.secrets) > 1, seconds=20)
        prometheus.stop()

    assert set(worker.secrets) == {"Bearer open-sesame"}
    assert other.lines == []
