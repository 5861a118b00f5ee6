"""Files of secrets, which their readers refuse where others may read them too."""

from pathlib import Path


def private_file(file: Path, content: str | bytes, mode: int = 0o600) -> Path:
    """Write a file that its owner alone may read, unless another mode is given."""
    file.touch(mode=0o600)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    file.chmod(mode)
    return file
