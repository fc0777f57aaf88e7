"""Where nodes run: one thread feeds a device, pools serve processors and files."""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

NAMES = ("gpu", "cpu", "io")


class Crashed(Exception):
    """A node tried to end the process (SystemExit, KeyboardInterrupt) or broke its generator."""


class Lanes:
    """Threads by lane.

    The gpu lane has one thread: kernels queue there in order, and VRAM has one owner. Threads
    start when first used; `started(lane)` prepares each (torch's grad mode is a thread's own).
    """

    def __init__(self, cpu: int | None = None, started: Callable[[str], None] | None = None):
        self.sizes = {"gpu": 1, "cpu": cpu or os.cpu_count() or 2, "io": 4}
        self._started = started
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._lock = threading.Lock()

    def _pool(self, lane: str) -> ThreadPoolExecutor:
        with self._lock:
            if lane not in self._pools:
                start = self._started
                self._pools[lane] = ThreadPoolExecutor(
                    self.sizes[lane],
                    f"lovebird-{lane}",
                    initializer=start and (lambda: start(lane)),
                )
            return self._pools[lane]

    async def run(self, lane: str, call: Callable[[], Any]) -> Any:
        """Run a function in a lane, in the caller's context, and wait for it."""
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool(lane), lambda: context.run(guarded, call))

    def abandon(self, lane: str) -> None:
        """Leave a lane's threads to themselves, since a node in it won't stop; make new ones."""
        with self._lock:
            if pool := self._pools.pop(lane, None):
                pool.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """End the threads once they are idle."""
        for lane in list(self._pools):
            self.abandon(lane)


def guarded(call: Callable[[], Any]) -> Any:
    """Call, but let nothing that a node raises end the engine."""
    try:
        return call()
    except (SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration) as e:
        raise Crashed(f"the node raised {type(e).__name__}") from e
