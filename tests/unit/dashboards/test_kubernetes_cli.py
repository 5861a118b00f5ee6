"""The command `smart-region kubernetes monitoring`."""

from pathlib import Path

from click.testing import CliRunner

from smart_region import main


def test_links_lead_where_an_installation_has_its_boards(tmp_path: Path) -> None:
    """Whoever is woken follows a link to the Grafana that there is."""
    folders = ("--out", str(tmp_path / "rules"), "--boards-dir", str(tmp_path / "boards"))
    link = ("--boards", "https://grafana.example")
    done = CliRunner().invoke(main, ["kubernetes", "monitoring", *folders, *link])
    assert done.exit_code == 0, done.output
    assert "https://grafana.example/d/" in (tmp_path / "rules/rules-pipeline.yaml").read_text()
    assert [one.name for one in (tmp_path / "boards").iterdir()] == ["kustomization.yaml"]


def test_a_wrong_catalogue_leaves_everything_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("programme: 1\n")
    out = tmp_path / "out"
    done = CliRunner().invoke(
        main, ["kubernetes", "monitoring", "--catalogue", str(tmp_path), "--out", str(out)]
    )
    assert done.exit_code == 2
    assert not out.exists()
