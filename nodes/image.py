"""Pictures: size, place and put together."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np

from ..graph.errors import NodeError
from ..graph.node import node
from ..graph.types import Image, Mask
from ..graph.widgets import Colour, Slider
from ..plugins import hookimpl
from .pixels import colour, like, resample, rgb, rgba

Method = Literal["lanczos", "bicubic", "bilinear", "box", "nearest"]
Side = Annotated[int, Slider(0, 16384)]
LIMIT = 400_000_000
"""Pixels that a node may make, in all pictures of a batch."""


def _check_size(count: int, width: int, height: int) -> None:
    if width < 1 or height < 1 or count * width * height > LIMIT:
        raise NodeError(f"{count} pictures of {width}x{height} are out of range: make it smaller")


@node(lane="cpu")
def resize(
    image: Image,
    width: Side = 0,
    height: Side = 0,
    scale: Annotated[float, Slider(0.01, 32, 0.25)] = 1.0,
    method: Method = "lanczos",
    fit: Literal["stretch", "inside", "cover"] = "stretch",
) -> Image:
    """Resize.

    Make pictures larger or smaller: to a width and height in pixels, or, where both are 0, by
    `scale`. With one of them 0 the shape is kept. `inside` keeps the shape within the size,
    `cover` fills it and crops the rest.
    """
    count, old_height, old_width, _ = image.pixels.shape
    if not width and not height:
        width, height = (max(round(s * scale), 1) for s in (old_width, old_height))
    width = width or max(round(old_width * height / old_height), 1)
    height = height or max(round(old_height * width / old_width), 1)
    _check_size(count, width, height)
    ratios = (width / old_width, height / old_height)
    if fit == "stretch":
        return Image(resample(image.pixels, width, height, method))
    ratio = min(ratios) if fit == "inside" else max(ratios)
    size = max(round(old_width * ratio), 1), max(round(old_height * ratio), 1)
    _check_size(count, *size)
    pixels = resample(image.pixels, *size, method)
    if fit == "cover":
        top, left = max(size[1] - height, 0) // 2, max(size[0] - width, 0) // 2
        pixels = pixels[:, top : top + height, left : left + width].copy()
    return Image(pixels)


@node(lane="cpu")
def crop(image: Image, left: Side = 0, top: Side = 0, width: Side = 0, height: Side = 0) -> Image:
    """Crop.

    Cut out a rectangle, in pixels from the upper left corner; a width or height of 0 goes to the
    edge.
    """
    rows, columns = image.pixels.shape[1:3]
    right, bottom = left + width if width else columns, top + height if height else rows
    if not (left < right <= columns and top < bottom <= rows):
        raise NodeError(
            f"the rectangle {left},{top} to {right},{bottom} came; it must lie in a picture of "
            f"{columns}x{rows}"
        )
    return Image(image.pixels[:, top:bottom, left:right].copy())


@node(lane="cpu")
def pad(
    image: Image,
    left: Side = 0,
    top: Side = 0,
    right: Side = 0,
    bottom: Side = 0,
    fill: Annotated[str, Colour()] = "#000000",
) -> Image:
    """Pad.

    Add a border in a colour, in pixels for each side.
    """
    count, rows, columns, channels = image.pixels.shape
    height, width = rows + top + bottom, columns + left + right
    _check_size(count, width, height)
    pixels = like(image.pixels, 4 if channels == 4 else 3)
    out = np.empty((count, height, width, pixels.shape[3]), np.float32)
    out[:] = colour(fill)[: pixels.shape[3]]
    out[:, top : top + rows, left : left + columns] = pixels
    return Image(out)


@node(lane="cpu")
def composite(
    image: Image,
    over: Image,
    mask: Mask | None = None,
    left: Annotated[int, Slider(-16384, 16384)] = 0,
    top: Annotated[int, Slider(-16384, 16384)] = 0,
    opacity: Annotated[float, Slider(0, 1, 0.01)] = 1.0,
) -> Image:
    """Composite.

    Lay a picture over another one at a place, by its transparency, a mask and an opacity.
    """
    base, top_layer = rgba(image.pixels), rgba(over.pixels)
    count = _common(len(base), len(top_layer), "pictures")
    out = np.repeat(base, count // len(base), axis=0)
    layer = np.repeat(top_layer, count // len(top_layer), axis=0)
    shade = layer[..., 3] * np.float32(opacity)
    if mask is not None:
        if mask.pixels.shape[1:] != layer.shape[1:3]:
            size = f"{mask.pixels.shape[2]}x{mask.pixels.shape[1]}"
            raise NodeError(f"a mask of {size} came; it must have the size of `over`", "mask")
        shade = shade * np.repeat(mask.pixels, count // len(mask.pixels), axis=0)
    rows = slice(max(top, 0), max(min(top + layer.shape[1], out.shape[1]), 0))
    columns = slice(max(left, 0), max(min(left + layer.shape[2], out.shape[2]), 0))
    if rows.start < rows.stop and columns.start < columns.stop:
        part = (slice(None), slice(rows.start - top, rows.stop - top))
        part += (slice(columns.start - left, columns.stop - left),)
        out[:, rows, columns] = _over(out[:, rows, columns], layer[part], shade[part])
    return Image(out if image.pixels.shape[3] == 4 else out[..., :3].copy())


def _common(first: int, second: int, what: str) -> int:
    count = max(first, second)
    if count % first or count % second:
        raise NodeError(f"{first} and {second} {what} don't go together")
    return count


def _over(below: np.ndarray, layer: np.ndarray, shade: np.ndarray) -> np.ndarray:
    """Porter and Duff's "over" with straight alpha, https://doi.org/10.1145/800031.808606."""
    alpha = shade[..., None]
    under = below[..., 3:] * (1 - alpha)
    total = alpha + under
    colours = (layer[..., :3] * alpha + below[..., :3] * under) / np.maximum(total, 1e-6)
    return np.concatenate([colours, total], axis=3)


@node(lane="cpu")
def batch(first: Image, second: Image) -> Image:
    """Join pictures.

    Put two batches of pictures of the same size into one.
    """
    if first.pixels.shape[1:3] != second.pixels.shape[1:3]:
        raise NodeError("the pictures differ in size: resize them first", "second")
    channels = max(first.pixels.shape[3], second.pixels.shape[3])
    parts = [like(i.pixels, channels) for i in (first, second)]
    return Image(np.concatenate(parts))


@node(lane="cpu")
def pick(image: Image, index: Annotated[int, Slider(0, 4095)] = 0) -> Image:
    """Pick a picture.

    Take one of a batch, counted from 0.
    """
    if index >= len(image.pixels):
        raise NodeError(f"index {index} came; the batch has {len(image.pixels)}", "index")
    return Image(image.pixels[index : index + 1].copy())


@node(lane="cpu")
def flip(image: Image, across: Literal["left-right", "up-down"] = "left-right") -> Image:
    """Flip.

    Mirror pictures.
    """
    axis = 2 if across == "left-right" else 1
    return Image(np.ascontiguousarray(np.flip(image.pixels, axis)))


@node(lane="cpu")
def grid(
    images: list[Image],
    columns: Annotated[int, Slider(0, 100)] = 0,
    gap: Annotated[int, Slider(0, 200)] = 4,
    fill: Annotated[str, Colour()] = "#ffffff",
    labels: list[str] | None = None,
) -> Image:
    """Grid.

    Lay pictures out on one sheet, row by row; 0 columns makes it about square. Labels, if given,
    stand under the pictures.
    """
    from .sheet import sheet

    pictures = [rgb(p[None])[0] for image in images for p in image.pixels]
    return Image(sheet(pictures, columns, gap, colour(fill)[:3], labels or []))


@hookimpl
def register_nodes() -> list[Any]:
    """The nodes of this module."""
    return [resize, crop, pad, composite, batch, pick, flip, grid]
