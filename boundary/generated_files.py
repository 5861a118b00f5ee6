"""Files that follow from others: written into their folder, or compared with what is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["GeneratedFiles"]


@dataclass(frozen=True, slots=True)
class GeneratedFiles:
    """What a folder is to hold of one kind; other files in it are left alone."""

    folder: Path
    files: Mapping[str, str]
    """The text of each file, by its path below the folder."""
    ours: tuple[str, ...] = ()
    """Patterns of the paths that only generated files have: any other file of such a path is left
    over from a source that is gone."""

    def write(self) -> None:
        """Write every file, rendered before, and remove those that are left over."""
        for name, text in self.files.items():
            file = self.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        for name in self._left_over():
            (self.folder / name).unlink()

    def differences(self) -> Iterator[str]:
        """Tell in a line for each file what `write` would change."""
        for name, text in self.files.items():
            file = self.folder / name
            if not file.exists():
                yield f"{file}: is missing"
            elif file.read_text(encoding="utf-8") != text:
                yield f"{file}: differs from what follows from its sources"
        for name in self._left_over():
            yield f"{self.folder / name}: follows from nothing any more"

    def _left_over(self) -> tuple[str, ...]:
        found = {
            file.relative_to(self.folder).as_posix()
            for pattern in self.ours
            for file in self.folder.glob(pattern)
        }
        return tuple(sorted(found - self.files.keys()))
