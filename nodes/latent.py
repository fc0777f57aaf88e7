"""Latents: what is sampled, before it is a picture."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from ..graph.errors import NodeError
from ..graph.node import node
from ..graph.types import Latents
from ..graph.widgets import Slider
from ..plugins import hookimpl
from .models.parts import Denoiser, same_space


@node(lane="cpu")
def empty(
    model: Denoiser,
    width: Annotated[int, Slider(0, 16384)] = 0,
    height: Annotated[int, Slider(0, 16384)] = 0,
    batch: Annotated[int, Slider(1, 256)] = 1,
) -> Latents:
    """Empty latents.

    Where sampling a new picture starts. Width and height are in pixels; 0 is the size the model
    was trained on. `batch` is how many pictures are made together.
    """
    import torch

    width, height = width or model.native[0], height or model.native[1]
    for name, side in (("width", width), ("height", height)):
        if side % model.factor:
            near = max(round(side / model.factor), 1) * model.factor
            raise NodeError(
                f"{name} {side} came; a multiple of {model.factor} was wanted, such as {near}", name
            )
    shape = (batch, model.channels, height // model.factor, width // model.factor)
    return Latents(torch.zeros(shape), model.space)


@node(lane="gpu")
def resize(
    latents: Latents,
    scale: Annotated[float, Slider(0.125, 8, 0.125)] = 2.0,
    method: Literal["nearest", "bilinear", "bicubic", "area"] = "nearest",
) -> Latents:
    """Resize latents.

    Enlarge or shrink latents, to be sampled again at a strength of about a half.
    """
    import torch

    height, width = (max(round(side * scale), 1) for side in latents.samples.shape[-2:])
    resized = torch.nn.functional.interpolate(latents.samples, (height, width), mode=method)
    return Latents(resized, latents.space)


@node(lane="cpu")
def repeat(latents: Latents, times: Annotated[int, Slider(1, 256)] = 2) -> Latents:
    """Repeat latents.

    Make a batch of the same latents, to sample each with another seed.
    """
    return Latents(latents.samples.repeat(times, 1, 1, 1), latents.space)


@node(lane="cpu")
def join(first: Latents, second: Latents) -> Latents:
    """Join latents.

    Put two batches of latents of the same size into one.
    """
    import torch

    same_space(second.space, first.space, "latents", "the first batch", "second")
    if first.samples.shape[1:] != second.samples.shape[1:]:
        came, wanted = tuple(second.samples.shape[1:]), tuple(first.samples.shape[1:])
        raise NodeError(
            f"latents of {came} came; {wanted} were wanted: resize them first", "second"
        )
    return Latents(torch.cat([first.samples, second.samples.to(first.samples)]), first.space)


@node(lane="cpu")
def pick(latents: Latents, index: Annotated[int, Slider(0, 255)] = 0) -> Latents:
    """Pick from a batch.

    Take one of a batch of latents, counted from 0.
    """
    if index >= len(latents.samples):
        raise NodeError(f"index {index} came; the batch has {len(latents.samples)}", "index")
    return Latents(latents.samples[index : index + 1].clone(), latents.space)


@hookimpl
def register_nodes() -> list[Any]:
    """The nodes of this module."""
    return [empty, resize, repeat, join, pick]
