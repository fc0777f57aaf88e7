"""What a model is, for cache keys: the commit it came from, or the hash of its files."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from pathlib import Path

from ...graph.atomic import write_atomically
from .source import Found

_lock = threading.Lock()
TEXT = (".json", ".txt", ".model")


def memo_path() -> Path:
    """The file that remembers hashes by path, size and time of change."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "lovebird" / "hashes.json"


def sha256(path: Path) -> str:
    """The SHA-256 of a file, read again only if its size or time of change differ."""
    stat = path.stat()
    key, state = str(path.resolve()), [stat.st_size, stat.st_mtime_ns]
    with _lock:
        memo = _read(memo_path())
        entry = memo.get(key)
        if isinstance(entry, list) and entry[:2] == state and len(entry) == 3:
            return str(entry[2])
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if stat.st_size > 2**16:  # small files are as quick to read as the memo
            memo[key] = [*state, digest]
            memo_path().parent.mkdir(parents=True, exist_ok=True)
            write_atomically(memo_path(), json.dumps(memo).encode())
    return digest


def _read(path: Path) -> dict[str, object]:
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def identity(found: Found) -> str:
    """What the content of a model is: `commit:...` or `sha256:...`, without any path."""
    if found.revision:
        return f"commit:{found.revision}"
    if found.path.is_file():
        return f"sha256:{sha256(found.path)}"
    total = hashlib.sha256()
    for path in sorted(found.path.glob("*.json")) + sorted(found.path.glob("*/*")):
        if path.is_file() and path.name.endswith((".safetensors", *TEXT)):
            total.update(f"{path.relative_to(found.path).as_posix()}={sha256(path)}\n".encode())
    return f"sha256:{total.hexdigest()}"
