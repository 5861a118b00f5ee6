"""Explanations by `smart-region explain`, on a real broker and through a real gateway."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from broker.reading import read_topics
from events.cloudevent import decode
from events.fact import Family
from events.topics import topic_name
from tests.support.commands import run_inside
from tests.support.gateways import Gateway, issue_credentials
from tests.support.kafka import KafkaBroker
from tests.support.private_files import private_file

KEY = "schools_connected_ratio/all_connected/D95/cause"
OPTIONS = (
    "--indicator=schools_connected_ratio",
    "--milestone=all_connected",
    "--territory=D95",
    "--kind=cause",
    "--role=Responsable du programme Lycées numériques",
)
TEXT = "Les travaux de génie civil ont commencé avec un an de retard.\nIls reprennent en mars."


def test_an_explanation_passes_the_gateway(broker: KafkaBroker, tmp_path: Path) -> None:
    """As the shipped producer, with its token or its signing secret; other producers may not."""
    owner = issue_credentials("explications", tmp_path)
    other = issue_credentials("lycees", tmp_path)
    secrets = {"token": owner.token, "signing": owner.signing_secret, "other": other.token}
    files = {name: private_file(tmp_path / name, secret) for name, secret in secrets.items()}
    with Gateway(broker.bootstrap, tmp_path, secrets=owner.file) as gateway:
        through = ("--gateway", gateway.url, "--secret")
        signed = ("--producer", "explications")
        for day, proof in (("2018-02-12", ["token"]), ("2018-02-13", ["signing", *signed])):
            name, *rest = proof
            sent = run_inside(
                broker, "explain", *OPTIONS, *through, str(files[name]), *rest, "--day", day, TEXT
            )
            assert (sent.returncode, sent.stderr) == (0, "")
        refused = run_inside(broker, "explain", *OPTIONS, *through, str(files["other"]), TEXT)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "is not declared for this producer" in refused.stderr
    records = read_topics(broker.bootstrap, topics=[topic_name(Family.EXPLANATIONS)])
    found = [(one.key, decode(one.headers, one.value).fact) for one in records]
    assert [(key, fact.effective_day, fact.attributes()["text"]) for key, fact in found] == [
        (KEY.encode(), date(2018, 2, day), TEXT) for day in (12, 13)
    ]
