"""Contact sheets: pictures in rows, with labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import numpy as np

from ..graph.errors import NodeError
from ..graph.node import node
from ..graph.widgets import Slider
from ..plugins import hookimpl

LABEL = 14
LIMIT = 400_000_000


def sheet(
    pictures: Sequence[np.ndarray],
    columns: int,
    gap: int,
    fill: np.ndarray,
    labels: Sequence[str],
) -> np.ndarray:
    """Lay pictures (height, width, 3) out on a sheet (1, height, width, 3), row by row."""
    if not pictures:
        raise NodeError("no pictures came for the sheet", "images")
    columns = min(columns or math.ceil(math.sqrt(len(pictures))), len(pictures))
    rows = math.ceil(len(pictures) / columns)
    below = LABEL if labels else 0
    height = max(p.shape[0] for p in pictures) + below
    width = max(p.shape[1] for p in pictures)
    shape = (rows * (height + gap) + gap, columns * (width + gap) + gap, 3)
    if shape[0] * shape[1] > LIMIT:
        raise NodeError(f"a sheet of {shape[1]}x{shape[0]} is too large: resize the pictures first")
    out = np.broadcast_to(fill, shape).astype(np.float32)
    for i, picture in enumerate(pictures):
        top = gap + i // columns * (height + gap)
        left = gap + i % columns * (width + gap)
        out[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
        if i < len(labels):
            place = out[top + height - below : top + height, left : left + width]
            place[:] = _written(labels[i], place.shape[1], place.shape[0], fill)
    return out[None]


def _written(text: str, width: int, height: int, fill: np.ndarray) -> np.ndarray:
    """Text in black or white on `fill`, cut at the width."""
    from PIL import Image as Pil
    from PIL import ImageDraw, ImageFont

    mask = Pil.new("L", (width, height))
    font = ImageFont.load_default(size=10)
    ImageDraw.Draw(mask).text((1, 1), text, 255, font)
    ink = np.float32(0.0 if fill.mean() > 0.5 else 1.0)
    alpha = (np.asarray(mask, np.float32) / 255)[..., None]
    return fill * (1 - alpha) + ink * alpha


class Axes(NamedTuple):
    """Two lists as long as the sheet has cells, and a label for each cell."""

    across: list[float]
    down: list[int]
    labels: list[str]


@node(id="plot.axes", lane="inline")
def axes(
    across: list[float],
    down: list[int],
    across_name: str = "guidance",
    down_name: str = "steps",
) -> Axes:
    """Axes of a sheet.

    Every pair of two lists, row by row, to map a node over both: connect each output to an input
    that is mapped, and the labels to image.grid, whose columns are as many as `across`.
    """
    cells = [(a, d) for d in down for a in across]
    if not cells or len(cells) > 400:
        raise NodeError(f"{len(cells)} cells came; 1 to 400 were wanted")
    labels = [f"{across_name} {a:g}, {down_name} {d:g}" for a, d in cells]
    return Axes([a for a, _ in cells], [d for _, d in cells], labels)


@node(id="plot.seeds", lane="inline")
def seeds(first: int = 0, count: Annotated[int, Slider(1, 400)] = 4) -> list[int]:
    """Seeds.

    Several seeds one after another, to map a node over them.
    """
    return [first + i for i in range(count)]


@hookimpl
def register_nodes() -> list[Any]:
    """The nodes of this module."""
    return [axes, seeds]
