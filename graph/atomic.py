"""Files that a reader sees whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` (same suffix), renamed to it if the block succeeds."""
    temporary = path.with_name(f".{path.stem[:40]}.{secrets.token_hex(6)}.part{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_atomically(path: Path, data: bytes) -> Path:
    """Write a file all or nothing."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    return path
