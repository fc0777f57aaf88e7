"""What travels along links: small frozen values that carry what tensors forget.

A value is never changed once it has left the node that made it: make a new one instead
(`dataclasses.replace`). Tensors are torch's; the engine does not need to know.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

Tensor = Any
"""A torch.Tensor; not imported here, since reading a workflow must not cost two seconds."""


@dataclass(frozen=True, eq=False)
class Image:
    """One or more pictures: `pixels` is float32 (n, height, width, channels), 0 to 1, sRGB.

    Channels are 1 (grey), 3 (RGB) or 4 (RGB and straight alpha).
    """

    pixels: np.ndarray

    def __post_init__(self) -> None:
        if self.pixels.ndim != 4 or self.pixels.shape[3] not in (1, 3, 4):
            raise ValueError(f"an Image is (n, height, width, 1|3|4), not {self.pixels.shape}")


@dataclass(frozen=True, eq=False)
class Mask:
    """Where to act: `pixels` is float32 (n, height, width), 0 (keep) to 1 (change)."""

    pixels: np.ndarray


@dataclass(frozen=True, eq=False)
class Latents:
    """What a VAE makes of pictures: `samples` (n, channels, height, width), in one VAE's `space`.

    Latents are scaled as the denoiser wants them. `space` names whose they are, such as "sd" or
    "sdxl": latents of one space mean nothing in another.
    """

    samples: Tensor
    space: str


@dataclass(frozen=True, eq=False)
class Conditioning:
    """What text encoders make of a prompt.

    `embeds` is (n, tokens, width), `pooled` (n, width) where the family has one; `space` names
    the family it is for; `extra` holds what else a family needs (SDXL's sizes, say).
    """

    embeds: Tensor
    space: str
    pooled: Tensor | None = None
    extra: dict[str, Any] = field(default_factory=dict)
