"""Every hook a plugin may implement, on one page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from . import hookspec

if TYPE_CHECKING:
    from ..graph.node import NodeType
    from ..graph.pack import ArrayKind
    from ..graph.socket import Socket


@hookspec
def register_nodes() -> Iterable[NodeType[..., Any]]:  # pyright: ignore[reportReturnType]
    """Add node types."""


@hookspec
def register_sockets() -> Iterable[Socket]:  # pyright: ignore[reportReturnType]
    """Add socket types: how a value looks, is stored, and becomes another."""


@hookspec
def register_arrays() -> Iterable[ArrayKind]:  # pyright: ignore[reportReturnType]
    """Add a library's arrays: how they become numpy for the disk cache, and come back."""


@hookspec
def register_model_sources() -> Iterable[Any]:  # pyright: ignore[reportReturnType]
    """Add places where models come from (see `lovebird.nodes.models.source`)."""


@hookspec
def lane_started(lane: str) -> None:
    """Prepare the current thread, once, before it runs the first node of `lane`."""
