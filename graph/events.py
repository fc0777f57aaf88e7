"""What a run tells the world: numbered events that any front end can follow, late or live."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

KINDS = (
    "queued", "cached", "started", "progress", "log", "finished", "failed", "blocked", "done"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `node` is "" for the run itself, `a/b[2]` inside an expansion."""

    seq: int
    time: float
    kind: str
    node: str
    data: dict[str, Any] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """The event as JSON; previews are left out, a front end packs them as it likes."""
        data = {k: v for k, v in self.data.items() if k != "preview"}
        return {"seq": self.seq, "time": self.time, "kind": self.kind, "node": self.node, **data}


Watcher = Callable[[Event], None]


class Events:
    """The log of one run. What a progress report supersedes is dropped: a replay stays small."""

    def __init__(self, watch: Watcher | None = None):
        self._lock = threading.Lock()
        self._seq = 0
        self._log: list[Event] = []
        self._progress: dict[str, Event] = {}
        self._watchers: list[Watcher] = [watch] if watch else []

    @property
    def watched(self) -> bool:
        """Whether anybody looks: previews need not be made otherwise."""
        return bool(self._watchers)

    def emit(self, kind: str, node: str = "", data: dict[str, Any] | None = None) -> None:
        """Number an event, keep it, and hand it to who watches; safe from any thread."""
        with self._lock:
            self._seq += 1
            event = Event(self._seq, time.time(), kind, node, data or {})
            if kind == "progress":
                self._progress[node] = event
            else:
                self._log.append(event)
            watchers = tuple(self._watchers)
        for watch in watchers:
            watch(event)

    def since(self, seq: int = 0) -> list[Event]:
        """What happened after `seq`, for a watcher that comes late or lost its connection."""
        with self._lock:
            found = [e for e in (*self._log, *self._progress.values()) if e.seq > seq]
        return sorted(found, key=lambda e: e.seq)

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Hand every later event to `watcher`; give a function that ends it."""
        with self._lock:
            self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)
