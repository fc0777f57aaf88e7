"""The disk tier of the cache: one safetensors file a key, the JSON tree in its metadata.

Files appear by a rename, so that processes may share the folder; a damaged one is dropped and
its node runs again. Over the size cap the least recently used go first.
"""

from __future__ import annotations

import json
import logging
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from .atomic import write_atomically
from .pack import Packer, Unsaved

log = logging.getLogger("lovebird.cache")
Outputs = tuple[Any, ...]


class Store:
    """Outputs of nodes in a folder, at most `limit` bytes of them."""

    def __init__(self, root: Path, packer: Packer, limit: int = 20 * 2**30):
        self.root, self.packer, self.limit = root, packer, limit
        self._used: int | None = None

    def path(self, key: bytes) -> Path:
        """Where the outputs of a key are."""
        name = key.hex()
        return self.root / name[:2] / f"{name[2:]}.safetensors"

    def get(self, key: bytes) -> Outputs | None:
        """Read the outputs of a key; None if they are not there or damaged."""
        path = self.path(key)
        if not path.exists():
            return None
        try:
            with safe_open(path, framework="numpy") as file:
                meta = file.metadata()
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if int(meta["crc"]) != _crc(meta["tree"], arrays):
                raise ValueError("checksum")
            outputs = tuple(self.packer.unpack(json.loads(meta["tree"]), arrays))
            os.utime(path)
            return outputs
        except FileNotFoundError:
            return None  # another process made room
        except (OSError, SafetensorError, ValueError, KeyError, TypeError, StopIteration) as e:
            log.warning("dropped a damaged cache entry %s: %s", path.name, e)
            path.unlink(missing_ok=True)
            return None

    def put(self, key: bytes, outputs: Outputs) -> bool:
        """Write the outputs of a key unless they hold something live; say if they are there."""
        path = self.path(key)
        try:
            tree, arrays = self.packer.pack(outputs)
        except Unsaved:
            return False
        text = json.dumps(tree)
        data = save(arrays, {"tree": text, "crc": str(_crc(text, arrays))})
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, data)
        except OSError as e:  # a full or read-only disk costs speed, never the run
            log.warning("the cache can't be written: %s", e.strerror)
            return False
        self._grow(len(data))
        return True

    def _grow(self, size: int) -> None:
        if self._used is None:
            self._used = self.size()
        else:
            self._used += size
        if self._used > self.limit:
            self.shrink(self.limit * 9 // 10)

    def files(self) -> Iterator[Path]:
        """Every entry."""
        return self.root.glob("??/*.safetensors")

    def size(self) -> int:
        """Bytes on disk."""
        return sum(stat.st_size for _, stat in self._stats())

    def _stats(self) -> list[tuple[Path, os.stat_result]]:
        found = []
        for path in self.files():
            try:
                found.append((path, path.stat()))
            except FileNotFoundError:
                continue
        return found

    def shrink(self, limit: int) -> None:
        """Remove the least recently used entries until `limit` bytes are left."""
        stats = sorted(self._stats(), key=lambda x: x[1].st_mtime)
        used = sum(s.st_size for _, s in stats)
        for path, stat in stats:
            if used <= limit:
                break
            path.unlink(missing_ok=True)
            used -= stat.st_size
        self._used = used

    def clear(self) -> int:
        """Remove every entry; give the bytes freed."""
        used = self.size()
        self.shrink(0)
        return used


def _crc(text: str, arrays: dict[str, np.ndarray]) -> int:
    crc = zlib.crc32(text.encode())
    for name in sorted(arrays):
        crc = zlib.crc32(np.ascontiguousarray(arrays[name]).reshape(-1).view(np.uint8).data, crc)
    return crc
