"""A pytest plugin for plugin authors: `pytest_plugins = ["lovebird.plugins.testing"]`.

def test_dots(lovebird):
lovebird.register(lovebird_halftone)
assert lovebird("halftone.dots", text="abcd") == ".b.d"
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..graph.cache import Cache
from ..graph.check import Problem
from ..graph.engine import Engine, Result
from ..graph.events import Event
from ..graph.roots import Roots
from ..graph.workflow import Workflow
from .manager import Candidate, Plugins
from .session import open_engine


class Bench:
    """An engine that sees the built-in nodes, and what the test registers."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.plugins = Plugins.load(candidates=())
        self.events: list[Event] = []
        self._engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        """The engine; files are read from and written to the test's own folder."""
        if self._engine is None:
            roots = Roots((self.folder,), self.folder, (self.folder,))
            self._engine = open_engine(
                plugins=self.plugins, cache=Cache(2**28), roots=roots, device="cpu"
            )
        return self._engine

    def register(self, plugin: Any, name: str = "") -> None:
        """Load a plugin, a module or an object with hooks; raises what it raises."""
        name = name or getattr(plugin, "__name__", type(plugin).__name__)
        found = self.plugins.add(Candidate(name, "test", lambda: plugin))
        if found.error:
            raise found.error
        self.close()

    def __call__(self, node: str, /, **inputs: Any) -> Any:
        """Run one node as a workflow would: checked, in its lane, with a Context.

        Gives its output, or the named tuple's values as a tuple if it has several.
        """
        workflow = Workflow("test")
        workflow.add(self.plugins.nodes[node], "node", **inputs)
        values = self.run(workflow).values["node"]
        return values[0] if len(values) == 1 else values

    def check(self, workflow: Workflow) -> list[Problem]:
        """The problems of a workflow."""
        return self.engine.check(workflow)

    def run(self, workflow: Workflow) -> Result:
        """Run a workflow; `events` has what happened."""
        self.events.clear()
        return self.engine.run(workflow, watch=self.events.append)

    def close(self) -> None:
        """End the engine; the next call makes another."""
        if self._engine:
            self._engine.close()
            self._engine = None


@pytest.fixture
def lovebird(tmp_path: Path) -> Iterator[Bench]:
    """An engine with the built-in nodes, and no plugin that happens to be installed."""
    bench = Bench(tmp_path)
    yield bench
    bench.close()
