"""What the U-Net families share."""

from __future__ import annotations

from ....graph.types import Tensor
from ..parts import Denoiser


def guidance_embedding(denoiser: Denoiser, guidance: float, latents: Tensor) -> Tensor | None:
    """The guidance scale as a sinusoidal embedding (n, width), for models distilled to take it.

    Meng et al., On Distillation of Guided Diffusion Models, https://arxiv.org/abs/2210.03142;
    None for a U-Net without `time_cond_proj_dim`, which is guided by two passes.
    """
    import torch

    width = denoiser.net.config.time_cond_proj_dim
    if width is None:
        return None
    half = width // 2
    scale = torch.tensor(guidance - 1).repeat(len(latents)) * 1000.0
    rates = torch.exp(torch.arange(half) * -(torch.log(torch.tensor(10000.0)) / (half - 1)))
    angles = scale.to(rates.dtype)[:, None] * rates[None, :]
    wave = torch.cat([torch.sin(angles), torch.cos(angles)], dim=1)
    wave = torch.nn.functional.pad(wave, (0, width % 2))
    return wave.to(device=latents.device, dtype=latents.dtype)
