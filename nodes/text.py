"""Prompts: text to conditioning."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from ..graph.context import Context
from ..graph.errors import NodeError
from ..graph.node import node
from ..graph.types import Conditioning, Tensor
from ..graph.widgets import Lines, Slider
from ..plugins import hookimpl
from .models.parts import TextEncoder, on


@node(lane="gpu")
def encode(
    ctx: Context,
    encoder: TextEncoder,
    text: Annotated[str, Lines(4)] = "",
    second: Annotated[str, Lines(2)] = "",
    weights: Literal["compel", "off"] = "compel",
    skip: Annotated[int, Slider(0, 12)] = 0,
) -> Conditioning:
    """Encode a prompt.

    Turn text into what steers a model; an empty text serves as a negative prompt. With weights,
    `(happy)1.3` is more and `(sad)0.5` less of it, `word++` and `word--` are short for that, and
    `("a cat", "a dog").blend(0.7, 0.3)` mixes two prompts (the syntax of compel). `second` is for
    the second encoder of models that have one, if it is to read something else. `skip` leaves out
    the last layers of the encoder (CLIP skip).
    """
    import torch

    from .models.prompt import encode_one

    nets = [on(net, encoder.device) for net in encoder.nets]
    depth = min(net.config.num_hidden_layers for net in nets)
    if skip >= depth:
        raise NodeError(f"skip {skip} leaves nothing of an encoder of {depth} layers", "skip")
    states, pooled = [], []
    with torch.no_grad():
        for index in range(len(nets)):
            words = second or text if index else text
            state, vector = encode_one(ctx, encoder, index, words, weights == "compel", skip)
            states.append(state)
            pooled.append(vector)
        return encoder.family.join(encoder, states, pooled)


@node(lane="inline")
def sizes(
    conditioning: Conditioning,
    width: Annotated[int, Slider(0, 16384)] = 0,
    height: Annotated[int, Slider(0, 16384)] = 0,
    left: Annotated[int, Slider(0, 16384)] = 0,
    top: Annotated[int, Slider(0, 16384)] = 0,
    aesthetic: Annotated[float, Slider(0, 10, 0.1)] = 0.0,
) -> Conditioning:
    """Sizes for SDXL.

    Say what SDXL is told beside the prompt: the size of the original picture, where it was
    cropped, and, for the refiner, how good it should look. 0 leaves a size or score as it is.
    """
    extra = dict(conditioning.extra)
    if width and height:
        extra["size"] = [height, width]
    if left or top:
        extra["crop"] = [top, left]
    if aesthetic:
        extra["aesthetic"] = aesthetic
    return replace(conditioning, extra=extra)


@node(lane="gpu")
def mix(
    first: Conditioning,
    second: Conditioning,
    share: Annotated[float, Slider(0, 1, 0.01)] = 0.5,
) -> Conditioning:
    """Mix prompts.

    Blend two encoded prompts: `share` of the second, the rest of the first.
    """
    if first.space != second.space or first.embeds.shape[1:] != second.embeds.shape[1:]:
        raise NodeError(
            f"conditioning of {second.space!r} came; {first.space!r} of the same length was "
            "wanted: encode both with one model",
            "second",
        )
    pooled: Tensor | None = None
    if first.pooled is not None and second.pooled is not None:
        pooled = first.pooled * (1 - share) + second.pooled * share
    embeds = first.embeds * (1 - share) + second.embeds * share
    return replace(first, embeds=embeds, pooled=pooled)


@node(lane="inline")
def join(
    first: Annotated[str, Lines(2)] = "",
    second: Annotated[str, Lines(2)] = "",
    third: Annotated[str, Lines(2)] = "",
    separator: str = ", ",
) -> str:
    """Join text.

    Put texts one after another; empty ones are left out.
    """
    return separator.join(part for part in (first, second, third) if part)


@hookimpl
def register_nodes() -> list[Any]:
    """The nodes of this module."""
    return [encode, sizes, mix, join]
