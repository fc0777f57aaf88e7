"""Graphs of generation nodes, run on the GPU, cached, drawn in the browser.

`import lovebird` imports nothing else: each name below is fetched when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .graph.context import Context as Context
    from .graph.context import Lazy as Lazy
    from .graph.engine import Engine as Engine
    from .graph.engine import Result as Result
    from .graph.errors import Cancelled as Cancelled
    from .graph.errors import LovebirdError as LovebirdError
    from .graph.errors import NodeError as NodeError
    from .graph.errors import WorkflowError as WorkflowError
    from .graph.events import Event as Event
    from .graph.node import NodeType as NodeType
    from .graph.node import node as node
    from .graph.workflow import Workflow as Workflow
    from .plugins import hookimpl as hookimpl
    from .plugins.session import load as load
    from .plugins.session import open_engine as open_engine
    from .plugins.session import run as run

__version__ = "0.1.0"

_HOME = {
    "Cancelled": "graph.errors",
    "Context": "graph.context",
    "Engine": "graph.engine",
    "Event": "graph.events",
    "Lazy": "graph.context",
    "LovebirdError": "graph.errors",
    "NodeError": "graph.errors",
    "NodeType": "graph.node",
    "Result": "graph.engine",
    "Workflow": "graph.workflow",
    "WorkflowError": "graph.errors",
    "hookimpl": "plugins",
    "load": "plugins.session",
    "node": "graph.node",
    "open_engine": "plugins.session",
    "run": "plugins.session",
}
__all__ = [*_HOME]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'lovebird' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{_HOME[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
