"""Generated files: written into their folder, or compared with its content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from boundary.errors import SmartRegionError


@dataclass(frozen=True, slots=True)
class GeneratedFiles:
    """The generated files of one kind in a folder; leaves other files untouched."""

    folder: Path
    files: Mapping[str, str]
    """The text of each file, by its path below the folder."""
    ours: tuple[str, ...] = ()
    """Patterns of paths reserved for generated files: any other file at such a path is obsolete."""

    def write(self) -> None:
        """Write every file and remove the obsolete ones. Raises SmartRegionError.

        All are written beside their paths first, where the disk may be full. Then each is replaced
        at once, so that no program reads half of one.
        """
        beside = {
            path.with_name(f".{path.name}.new"): (path, text)
            for path, text in ((self.folder / name, text) for name, text in self.files.items())
        }
        try:
            try:
                for new, (path, text) in beside.items():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    new.write_text(text, encoding="utf-8")
                for new, (path, _) in beside.items():
                    new.replace(path)
            finally:
                for new in beside:
                    new.unlink(missing_ok=True)
            for name in self._obsolete():
                (self.folder / name).unlink()
        except OSError as error:
            raise SmartRegionError(
                f"out: cannot write {error.filename or self.folder} ({error.strerror or error}):"
                " name a folder that may be written to, on a disk with room"
            ) from error

    def differences(self) -> Iterator[str]:
        """Yield a line for each file that `write` would change."""
        for name, text in self.files.items():
            file = self.folder / name
            if not file.exists():
                yield f"{file}: is missing"
            elif file.read_text(encoding="utf-8") != text:
                yield f"{file}: differs from its sources"
        for name in self._obsolete():
            yield f"{self.folder / name}: is obsolete"

    def _obsolete(self) -> tuple[str, ...]:
        found = {
            file.relative_to(self.folder).as_posix()
            for pattern in self.ours
            for file in self.folder.glob(pattern)
        }
        return tuple(sorted(found - self.files.keys()))
