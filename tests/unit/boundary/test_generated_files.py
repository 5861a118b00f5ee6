"""Files that follow from others."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from boundary.generated_files import GeneratedFiles

texts = st.dictionaries(
    st.sampled_from(["a.json", "b.json", "sub/c.json", "mine.txt"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\r")),
)
PATTERNS = ("*.json", "sub/*.json")


def contents(folder: Path) -> dict[str, str]:
    return {
        file.relative_to(folder).as_posix(): file.read_text(encoding="utf-8")
        for file in folder.rglob("*")
        if file.is_file()
    }


@given(texts, texts)
def test_after_a_write_there_is_nothing_to_report(
    before: dict[str, str], now: dict[str, str]
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        GeneratedFiles(folder, before).write()
        part = GeneratedFiles(folder, now, PATTERNS)
        part.write()

        assert list(part.differences()) == []
        kept = {file: text for file, text in before.items() if file == "mine.txt"}
        assert contents(folder) == kept | now


@given(texts, texts)
def test_there_is_a_line_for_each_file_that_a_write_would_change(
    before: dict[str, str], now: dict[str, str]
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        GeneratedFiles(folder, before).write()
        lines = list(GeneratedFiles(folder, now, PATTERNS).differences())

        assert contents(folder) == before
        changed = {file for file in now if before.get(file) != now[file]}
        left_over = {file for file in before if file not in now and file.endswith(".json")}
        assert {line.partition(":")[0] for line in lines} == {
            str(folder / file) for file in changed | left_over
        }
