"""The cache that a run asks: recent outputs in memory, by bytes, over a store on disk."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from cachetools import LRUCache

from .pack import size
from .store import Store

Outputs = tuple[Any, ...]


class Cache:
    """Outputs by key: at most `memory` bytes here, and on disk what was slow to make.

    `slow` is the number of seconds from which an output is worth a file. Writing happens in
    another thread; `flush` waits for it.
    """

    def __init__(self, memory: int = 2 * 2**30, store: Store | None = None, slow: float = 0.02):
        self.memory: LRUCache[bytes, Outputs] = LRUCache(memory, size)
        self.store, self.slow = store, slow
        self._writer = ThreadPoolExecutor(1, "lovebird-cache") if store else None
        self._writing: set[Future[Any]] = set()
        self._lock = threading.Lock()

    def recent(self, key: bytes) -> Outputs | None:
        """The outputs of a key if they are in memory, or None."""
        with self._lock:
            return self.memory.get(key)

    def get(self, key: bytes) -> Outputs | None:
        """The outputs of a key, or None."""
        hit = self.recent(key)
        if hit is None and self.store and (hit := self.store.get(key)) is not None:
            self._remember(key, hit)
        return hit

    def put(self, key: bytes, outputs: Outputs, seconds: float = 0.0) -> None:
        """Keep outputs that took `seconds` to make."""
        self._remember(key, outputs)
        if self.store and self._writer and seconds >= self.slow:
            job = self._writer.submit(self.store.put, key, outputs)
            self._writing.add(job)
            job.add_done_callback(self._writing.discard)

    def _remember(self, key: bytes, outputs: Outputs) -> None:
        with self._lock:
            try:
                self.memory[key] = outputs
            except ValueError:  # larger than the whole budget
                self.memory.pop(key, None)

    def drop(self, key: bytes) -> None:
        """Forget a key: its value is not what it was."""
        with self._lock:
            self.memory.pop(key, None)
        if self.store:
            self.store.path(key).unlink(missing_ok=True)

    def flush(self) -> None:
        """Wait until everything is on disk."""
        for job in list(self._writing):
            job.result()

    def clear(self) -> None:
        """Forget what is in memory."""
        with self._lock:
            self.memory.clear()


class NoCache(Cache):
    """Remembers nothing: every node runs."""

    def __init__(self) -> None:
        super().__init__(0)

    def get(self, key: bytes) -> Outputs | None:
        """Find nothing."""
        return None

    def put(self, key: bytes, outputs: Outputs, seconds: float = 0.0) -> None:
        """Keep nothing."""
