"""Explanations by `smart-region explain`, on a real broker and through a real gateway."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from broker.reading import read_topics
from events.cloudevent import CloudEvent, decode
from events.fact import Family
from events.milestone import ExplanationKind, MilestoneExplained
from events.observation import Territory
from events.topics import topic_name
from tests.support.commands import run, run_inside
from tests.support.gateways import Gateway, issue_credentials
from tests.support.kafka import KafkaBroker

KEY = "schools_connected_ratio/all_connected/D95/cause"
OPTIONS = (
    "--indicator=schools_connected_ratio",
    "--milestone=all_connected",
    "--territory=D95",
    "--kind=cause",
    "--role=Responsable du programme Lycées numériques",
)
TEXT = "Les travaux de génie civil ont commencé avec un an de retard.\nIls reprennent en mars."


def on_topic(broker: KafkaBroker) -> list[tuple[bytes | None, CloudEvent]]:
    records = read_topics(broker.bootstrap, topics=[topic_name(Family.EXPLANATIONS)])
    found = [(record.key, decode(record.headers, record.value)) for record in records]
    return sorted(found, key=lambda one: one[1].time)


def test_an_explanation_is_on_its_topic(broker: KafkaBroker) -> None:
    day = ("--day", "2018-02-12")
    sent = run(broker, "explain", *OPTIONS, *day, "-", standard_input=f"{TEXT}\n")
    assert (sent.returncode, sent.stderr) == (0, "")
    assert sent.stdout.startswith(f"sent: {KEY} of 2018-02-12, Responsable du programme Lycées")
    assert len(sent.stdout.splitlines()) == 1
    taken_back = run_inside(broker, "explain", *OPTIONS, *day, "--retract")
    assert taken_back.returncode == 0, taken_back.stderr
    (key, event), (other_key, retraction) = on_topic(broker)
    assert key == other_key == KEY.encode()
    assert event.source == retraction.source == "urn:iledefrance:explications"
    assert event.fact == MilestoneExplained(
        indicator="schools_connected_ratio",
        milestone="all_connected",
        territory=Territory.VAL_D_OISE,
        explained_on=date(2018, 2, 12),
        kind=ExplanationKind.CAUSE,
        text=TEXT,
        author_role="Responsable du programme Lycées numériques",
    )
    assert retraction.fact.retracted
    assert retraction.fact.effective_day == date(2018, 2, 12)


def test_an_explanation_passes_the_gateway(broker: KafkaBroker, tmp_path: Path) -> None:
    """As the shipped producer, with its token or its signing secret; other producers may not."""
    owner = issue_credentials("explications", tmp_path)
    other = issue_credentials("lycees", tmp_path)
    files = {}
    for name, secret in {
        "token": owner.token,
        "signing": owner.signing_secret,
        "other": other.token,
    }.items():
        files[name] = tmp_path / name
        files[name].touch(mode=0o600)
        files[name].write_text(secret)
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
    assert [
        (key, event.fact.effective_day, event.fact.attributes()["text"])
        for key, event in on_topic(broker)
    ] == [(KEY.encode(), date(2018, 2, 12), TEXT), (KEY.encode(), date(2018, 2, 13), TEXT)]
