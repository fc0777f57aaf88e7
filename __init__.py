"""Graphs of generation nodes, run on the GPU, cached, drawn in the browser."""

from .graph.context import Context as Context
from .graph.context import Lazy as Lazy
from .graph.errors import Cancelled as Cancelled
from .graph.errors import LovebirdError as LovebirdError
from .graph.errors import NodeError as NodeError
from .graph.node import NodeType as NodeType
from .graph.node import node as node
from .plugins import hookimpl as hookimpl

__version__ = "0.1.0"
