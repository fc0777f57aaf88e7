"""Nodes that make data sets to train on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from ...graph.context import Context
from ...graph.errors import NodeError
from ...graph.node import NodeType, node
from ...graph.roots import Roots, inside
from ...graph.socket import Socket
from ...graph.widgets import Seed, Slider
from ...plugins import hookimpl


@dataclass(frozen=True)
class Pictures:
    """A data set of captioned pictures: a `folder` on disk."""

    folder: str


def find_folder(roots: Roots, name: str) -> Path:
    """The folder called `name` under an input root."""
    for root in roots.inputs:
        path = inside(root, name)
        if path.is_dir():
            return path
    raise NodeError(f"no folder {name!r} under the input roots; add its parent by --input")


@node(id="dataset.emoji", lane="cpu", pure=False)
def emoji(
    ctx: Context,
    packages: str = "npm",
    name: str = "fledgling/data",
    count: Annotated[int, Slider(100, 1_000_000)] = 36_000,
    seed: Annotated[int, Seed()] = 0,
) -> Pictures:
    """Emoji pictures.

    Compose captioned 64 px pictures from the emoji art in a folder of npm tarballs (`packages`):
    recoloured, on plain and drawn backgrounds, with a lovebird made from the parrot. Written to
    `name` under the outputs; `docs/fledgling.md` says where the art comes from. What is already
    there is used again if it was made with the same count and seed.
    """
    from .build import CHUNK, build, matches
    from .packages import unpack

    folder = ctx.roots.place(f"{name}/captions.json").parent
    if not matches(folder, count, seed):
        art = unpack(find_folder(ctx.roots, packages), ctx.roots.place(f"{name}-art/x").parent)
        ctx.log(f"drawing {count} pictures, {CHUNK} at a time")
        build(art, folder, count, seed, ctx.track)
    return Pictures(str(folder))


@hookimpl
def register_nodes() -> list[NodeType[..., Pictures]]:
    """Offer them."""
    return [emoji]


@hookimpl
def register_sockets() -> list[Socket]:
    """Offer the data set's socket."""
    return [Socket(Pictures, "#9ccc65")]
