"""Train a small AutoencoderKL (Kingma & Welling 2013; Rombach et al. 2021).

64 px pictures become 16x16x4 latents. The loss is L1 on pixels, on their gradients (edges are what
makes emoji art) and on a half-size copy, plus a little KL.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .data import Dataset, on, tensor
from .loop import Draw, Plan, Report, Run, fit

if TYPE_CHECKING:
    from diffusers import AutoencoderKL
    from torch import Tensor

KL = 3e-4


def new(channels: tuple[int, ...] = (24, 48, 96), seed: int = 0) -> AutoencoderKL:
    """An untrained autoencoder: a quarter of the side, four channels."""
    import torch
    from diffusers import AutoencoderKL

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * len(channels),
            up_block_types=("UpDecoderBlock2D",) * len(channels),
            block_out_channels=channels,
            layers_per_block=1,
            latent_channels=4,
            norm_num_groups=8,
            sample_size=64,
            scaling_factor=1.0,
            mid_block_add_attention=False,
        )


def crops(data: Dataset, size: int, count: int, rng: np.random.Generator) -> Tensor:
    """A batch of crops, (count, 3, size, size): half composed pictures, half any drawing.

    Colours of the drawings are permuted now and then, so that every hue is seen on every shape.
    """
    half = count // 2
    rows = np.sort(rng.integers(data.held_out, len(data.pictures), half))
    whole = data.pictures[rows].astype(np.float32)
    ground = np.where(
        rng.random((count - half, 1)) < 0.5, 255, rng.integers(0, 256, (count - half, 3))
    )
    drawings = on(data.art[rng.choice(data.art_split[0], count - half)], ground[:, None, None])
    if rng.random() < 0.3:
        drawings = drawings[..., rng.permutation(3)]
    batch = np.concatenate([whole, drawings])
    if rng.random() < 0.5:
        batch = batch[:, :, ::-1]
    room = batch.shape[1] - size
    at = rng.integers(0, room + 1, (count, 2))
    cut = [p[y : y + size, x : x + size] for p, (y, x) in zip(batch, at, strict=True)]
    return tensor(np.stack(cut))


def distance(error: Tensor) -> Tensor:
    """L1 of an error (n, c, h, w), of its gradients and of its half-size copy."""
    from torch.nn.functional import avg_pool2d

    across = (error[..., 1:] - error[..., :-1]).abs().mean()
    down = (error[..., 1:, :] - error[..., :-1, :]).abs().mean()
    return error.abs().mean() + 0.5 * (across + down) + 0.5 * avg_pool2d(error, 2).abs().mean()


def train(
    data: Dataset,
    folder: Path,
    plan: Plan,
    report: Report,
    channels: tuple[int, ...] = (24, 48, 96),
    batch: int = 8,
) -> AutoencoderKL:
    """Train from the last checkpoint in `folder`; returns it with averaged, whitened weights.

    Most steps see 32 px crops, which are four times cheaper; the last fifth sees whole pictures.
    """
    import torch

    model = new(channels, plan.seed)

    def loss(step: int, draw: Draw) -> Tensor:
        small = step < 0.8 * plan.steps
        pixels = crops(data, 32 if small else 64, batch if small else batch // 2, draw.numpy)
        with torch.autocast("cpu", torch.bfloat16):
            posterior = model.encode(pixels).latent_dist
            noise = torch.randn(posterior.mean.shape, generator=draw.torch)
            restored = model.decode(posterior.mean + posterior.std * noise).sample
        nats = posterior.kl().float().mean() / posterior.mean[0].numel()
        return distance(restored.float() - pixels) + KL * nats

    run = Run({"vae": model}, plan, folder)
    fit(run, loss, report)
    whiten(model, data)
    return model


def whiten(model: AutoencoderKL, data: Dataset) -> None:
    """Give every latent channel mean 0 and deviation 1 over the pictures, exactly.

    The scales go into the 1x1 convolutions around the latents, so that a standard pipeline with
    `scaling_factor` 1 decodes what it did before.
    """
    import torch

    rows = np.linspace(data.held_out, len(data.pictures) - 1, 1024).astype(int)
    with torch.no_grad():
        latents = torch.cat(
            [model.encode(tensor(data.pictures[r])).latent_dist.mean for r in np.split(rows, 16)]
        )
        mean, deviation = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
        count = len(mean)
        before, after = model.quant_conv, model.post_quant_conv
        before.bias[:count] -= mean
        before.weight[:count] /= deviation[:, None, None, None]
        before.bias[:count] /= deviation
        before.bias[count:] -= 2 * deviation.log()  # the log variance scales along
        after.bias += after.weight[..., 0, 0] @ mean
        after.weight *= deviation[None, :, None, None]


def psnr(model: AutoencoderKL, pixels: Tensor) -> float:
    """Mean peak signal to noise ratio in dB of reconstructions of (n, 3, h, w) in -1..1."""
    import torch

    with torch.no_grad():
        parts = [model.decode(model.encode(p).latent_dist.mode()).sample for p in pixels.split(16)]
        error = ((torch.cat(parts).clamp(-1, 1) - pixels) / 2).pow(2).mean((1, 2, 3))
    return float((-10 * torch.log10(error)).mean())


def measure(model: AutoencoderKL, data: Dataset, count: int = 128) -> dict[str, float]:
    """PSNR on held-out drawings (emoji never seen, on white) and on held-out pictures."""
    art = data.art[data.art_split[1][:: max(1, len(data.art_split[1]) // count)][:count]]
    return {
        "drawings": psnr(model, tensor(on(art, np.float32(255)))),
        "pictures": psnr(model, tensor(data.pictures[: min(count, data.held_out)])),
    }
