"""A cheap look at latents while they are sampled."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ...graph.context import Context
from ...graph.types import Image, Tensor

EVERY = 0.5
"""Seconds between two previews."""

#: Space -> red, green and blue of each latent channel, then an offset, for values of -1 to 1.
#: https://discuss.huggingface.co/t/decoding-latents-to-rgb-without-upscaling/23204 and
#: https://huggingface.co/blog/TimothyAlexisVass/explaining-the-sdxl-latent-space
FACTORS: dict[str, list[list[float]]] = {
    "sd": [
        [0.298, 0.207, 0.208],
        [0.187, 0.286, 0.173],
        [-0.158, 0.189, 0.264],
        [-0.184, -0.271, -0.473],
        [0.0, 0.0, 0.0],
    ],
    "sdxl": [
        [0.471, 0.471, 0.471],
        [-0.471, -0.039, 0.078],
        [0.196, 0.118, -0.039],
        [-0.549, -0.392, -0.275],
        [0.176, 0.098, 0.020],
    ],
}


def clean(scheduler: Any, scaled: Tensor, prediction: Tensor, t: Tensor) -> Tensor:
    """The picture that the prediction implies, as latents: x0 from noise, velocity or flow.

    `scaled` is what the model saw: on a variance-preserving path for every scheduler that has
    `alphas_cumprod`. Salimans and Ho, https://arxiv.org/abs/2202.00512, for velocity.
    """
    kind = scheduler.config.get("prediction_type", "flow")
    if kind == "sample":
        return prediction
    if not hasattr(scheduler, "alphas_cumprod"):  # flow matching: x = (1 - s) x0 + s noise
        return scaled - t / scheduler.config.num_train_timesteps * prediction
    alphas = scheduler.alphas_cumprod
    kept = alphas[int(t.round().clamp(0, len(alphas) - 1))].to(scaled)
    if kind == "v_prediction":
        return kept**0.5 * scaled - (1 - kept) ** 0.5 * prediction
    return (scaled - (1 - kept) ** 0.5 * prediction) / kept**0.5


def glance(latents: Tensor, space: str, limit: int = 4) -> Image:
    """A small picture of latents (n, channels, h, w), of at most `limit` images, without a VAE."""
    x = latents[:limit].float().cpu().numpy().transpose(0, 2, 3, 1)
    if factors := FACTORS.get(space):
        weights = np.asarray(factors, np.float32)
        rgb = x @ weights[: x.shape[3]] + weights[-1]
    else:  # an unknown space: its first channels, at a visible contrast
        rgb = np.resize(x[..., :3], (*x.shape[:3], 3)) if x.shape[3] < 3 else x[..., :3]
        rgb = rgb / max(float(np.nan_to_num(rgb).std()) * 3, 1e-6)
    return Image(np.nan_to_num(rgb * 0.5 + 0.5).clip(0, 1).astype(np.float32))


def watcher(
    ctx: Context, scheduler: Any, space: str, total: int
) -> Callable[[int, Tensor, Tensor, Tensor], None]:
    """Report each step to the context, with a preview at most every half second.

    The preview is a function: it costs nothing unless somebody watches.
    """
    last = time.monotonic()

    def show(scaled: Tensor, prediction: Tensor, t: Tensor) -> Image:
        return glance(clean(scheduler, scaled, prediction, t), space)

    def watch(i: int, t: Tensor, scaled: Tensor, prediction: Tensor) -> None:
        nonlocal last
        preview: Callable[[], Image] | None = None
        if (now := time.monotonic()) - last >= EVERY:
            last = now
            preview = functools.partial(show, scaled, prediction, t)

        ctx.progress(i + 1, total, preview)

    return watch
