"""Masks: where to act."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np

from ..graph.errors import NodeError
from ..graph.node import node
from ..graph.types import Image, Mask
from ..graph.widgets import Slider
from ..plugins import hookimpl
from .pixels import rgba
from .sockets import image_of, mask_of


@node(lane="cpu")
def from_image(
    image: Image, channel: Literal["brightness", "red", "green", "blue", "alpha"] = "brightness"
) -> Mask:
    """Mask of a picture.

    Take the brightness of a picture, or one of its channels, as a mask.
    """
    if channel == "brightness":
        return mask_of(Image(rgba(image.pixels)[..., :3]))
    index = ("red", "green", "blue", "alpha").index(channel)
    return Mask(np.ascontiguousarray(rgba(image.pixels)[..., index]))


@node(lane="cpu")
def to_image(mask: Mask) -> Image:
    """Picture of a mask.

    Show a mask in grey.
    """
    return image_of(mask)


@node(lane="cpu")
def invert(mask: Mask) -> Mask:
    """Invert a mask.

    Keep what was to be changed, and change what was to be kept.
    """
    return Mask(1 - mask.pixels)


@node(lane="cpu")
def blur(mask: Mask, radius: Annotated[float, Slider(0, 256, 0.5)] = 4.0) -> Mask:
    """Soften a mask.

    Blur the edges of a mask; the radius is in pixels.
    """
    from PIL import Image as Pil
    from PIL import ImageFilter

    planes = [Pil.fromarray((p.clip(0, 1) * 255).round().astype(np.uint8)) for p in mask.pixels]
    soft = [np.asarray(p.filter(ImageFilter.GaussianBlur(radius))) for p in planes]
    return Mask(np.stack(soft).astype(np.float32) / 255)


@node(lane="cpu")
def apply(image: Image, mask: Mask) -> Image:
    """Cut out.

    Make a picture transparent where the mask is 0.
    """
    if image.pixels.shape[1:3] != mask.pixels.shape[1:]:
        raise NodeError("the mask differs in size from the picture: resize one of them", "mask")
    pixels = np.broadcast_to(rgba(image.pixels), rgba(image.pixels).shape).copy()
    pixels[..., 3] = pixels[..., 3] * mask.pixels
    return Image(pixels)


@hookimpl
def register_nodes() -> list[Any]:
    """The nodes of this module."""
    return [from_image, to_image, invert, blur, apply]
