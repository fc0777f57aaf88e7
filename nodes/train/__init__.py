"""Nodes that train models: an autoencoder, CLIP, and a text to image model made of them.

Each takes a data set, writes a model folder under the outputs and goes on from its last checkpoint
if it is run again.
"""

from __future__ import annotations

from typing import Any

from ...graph.node import NodeType
from ...graph.socket import Socket
from ...plugins import hookimpl
from . import nodes


@hookimpl
def register_nodes() -> list[NodeType[..., Any]]:
    """Offer them."""
    return [nodes.autoencoder, nodes.clip, nodes.diffusion, nodes.assemble]


@hookimpl
def register_sockets() -> list[Socket]:
    """Offer the sockets of what was trained."""
    return [
        Socket(nodes.TrainedAutoencoder, "#8d6e63"),
        Socket(nodes.TrainedClip, "#ab8f5f"),
        Socket(nodes.TrainedDiffusion, "#a1887f"),
    ]
