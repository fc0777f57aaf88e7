"""The socket types of pictures, latents and conditioning: colours, previews, conversions."""

from __future__ import annotations

import numpy as np

from ..graph.socket import Socket
from ..graph.types import Conditioning, Image, Latents, Mask
from ..plugins import hookimpl

REC709 = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Weights of red, green and blue in luminance (ITU-R BT.709)."""


def mask_of(image: Image) -> Mask:
    """A picture's alpha as a mask, or its luminance if it has none."""
    channels = image.pixels.shape[3]
    if channels == 3:
        return Mask(image.pixels @ REC709)
    return Mask(np.ascontiguousarray(image.pixels[..., -1]))


def image_of(mask: Mask) -> Image:
    """A mask as a grey picture."""
    return Image(np.repeat(mask.pixels[..., None], 3, axis=3))


@hookimpl
def register_sockets() -> list[Socket]:
    """Offer them."""
    return [
        Socket(Image, "#f0a04f", preview=lambda image: image, conversions={Mask: mask_of}),
        Socket(Mask, "#d9d9d9", preview=image_of, conversions={Image: image_of}),
        Socket(Latents, "#d86fd0"),
        Socket(Conditioning, "#f2c94c"),
    ]
