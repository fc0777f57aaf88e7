"""Showing a run while it goes on: bars on a terminal, plain lines elsewhere, on standard error."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

from ..graph.events import Event
from .console import note

EVERY = 5.0
"""Seconds between two lines about the same node where bars can't be drawn."""
QUICK = 0.05
"""Seconds under which a node is only counted."""


class Silent:
    """Shows nothing; base of the rest. Use it as the `watch` of a run, inside `with`."""

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, event: Event) -> None:
        """Take an event, from any thread; what goes wrong here never harms the run."""
        if handle := getattr(self, f"on_{event.kind}", None):
            try:
                handle(event.node, event.data)
            except (OSError, ValueError):  # the terminal is gone
                self.on_lost()

    def on_lost(self) -> None:
        """Do without a terminal from here on."""


class Plain(Silent):
    """A line when a node takes long, and when it is done."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: dict[str, float] = {}
        self._lost = False

    def on_lost(self) -> None:
        """Say no more."""
        self._lost = True

    def tell(self, text: str) -> None:
        """Print a whole line."""
        if not self._lost:
            with self._lock:
                note(text)

    def on_started(self, node: str, data: dict[str, Any]) -> None:
        """Remember since when a node runs."""
        self._told[node] = time.monotonic()

    def on_progress(self, node: str, data: dict[str, Any]) -> None:
        """Say how far a node is, now and then."""
        now = time.monotonic()
        if now - self._told.get(node, 0.0) >= EVERY:
            self._told[node] = now
            of = f" of {data['of']}" if data.get("of") else ""
            self.tell(f"{node}: {data['step']}{of}")

    def on_log(self, node: str, data: dict[str, Any]) -> None:
        """Pass on what a node says."""
        self.tell(f"{node}: {data['text']}")

    def on_finished(self, node: str, data: dict[str, Any]) -> None:
        """Say what a node took, if it took any time."""
        if data["seconds"] >= QUICK:
            self.tell(f"{node}: {seconds(data['seconds'])}")


class Bars(Plain):
    """A bar for each node that runs; those that are done scroll away above."""

    def __init__(self) -> None:
        super().__init__()
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[count]}", markup=False),
            TimeElapsedColumn(),
        )
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._bars: dict[str, Any] = {}

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def tell(self, text: str) -> None:
        """Print a line above the bars."""
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def on_lost(self) -> None:
        """Draw no more."""
        self._progress.disable = True

    def on_started(self, node: str, data: dict[str, Any]) -> None:
        """Draw a bar that only moves."""
        self._bars[node] = self._progress.add_task(node, total=None, count="")

    def on_progress(self, node: str, data: dict[str, Any]) -> None:
        """Move a node's bar."""
        if (bar := self._bars.get(node)) is not None:
            of = data.get("of") or None
            count = f"{data['step']}/{of}" if of else str(data["step"])
            self._progress.update(bar, completed=data["step"], total=of, count=count)

    def on_finished(self, node: str, data: dict[str, Any]) -> None:
        """Replace a node's bar by what it took."""
        self._remove(node)
        super().on_finished(node, data)

    def on_failed(self, node: str, data: dict[str, Any]) -> None:
        """Take the bar away; the failure is told when the run ends."""
        self._remove(node)

    def _remove(self, node: str) -> None:
        if (bar := self._bars.pop(node, None)) is not None:
            self._progress.remove_task(bar)


def seconds(value: float) -> str:
    """A duration as a person says it."""
    if value < 10:
        return f"{value:.2f} s"
    if value < 120:
        return f"{value:.0f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"


def reporter(quiet: bool = False) -> Silent:
    """What fits where standard error goes."""
    if quiet:
        return Silent()
    try:
        terminal = sys.stderr.isatty()
    except (AttributeError, ValueError):
        terminal = False
    return Bars() if terminal else Plain()
