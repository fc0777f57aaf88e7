"""Train a small latent diffusion U-Net together with its text encoder (Rombach et al. 2021).

v-prediction (Salimans & Ho 2022) on a schedule with zero terminal signal (Lin et al. 2023),
min-SNR weights (Hang et al. 2023), captions dropped for classifier-free guidance (Ho & Salimans
2021), averaged weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .clip import Texts
from .data import Dataset, tensor
from .loop import Draw, Plan, Report, Run, fit

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
    from torch import Tensor
    from transformers import CLIPTextModel, CLIPTokenizer

#: The noise schedule, as every scheduler of diffusers takes it.
SCHEDULE = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "timestep_spacing": "trailing",
    "rescale_betas_zero_snr": True,
    "steps_offset": 1,
}
#: Share of the pictures that are seen without their caption.
UNSAID = 0.1
#: Where min-SNR weighting starts to hold back the almost clean steps.
GAMMA = 5.0


@dataclass(frozen=True, slots=True)
class Parts:
    """What a text to image model consists of."""

    vae: AutoencoderKL
    text_encoder: CLIPTextModel
    tokenizer: CLIPTokenizer
    unet: UNet2DConditionModel


def new(
    channels: tuple[int, ...] = (64, 96, 192), words: int = 128, seed: int = 0
) -> UNet2DConditionModel:
    """An untrained U-Net for 16x16x4 latents; attention from 8x8 down."""
    import torch
    from diffusers import UNet2DConditionModel

    deep = len(channels) - 1
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return UNet2DConditionModel(
            sample_size=16,
            in_channels=4,
            out_channels=4,
            down_block_types=("DownBlock2D",) + ("CrossAttnDownBlock2D",) * deep,
            up_block_types=("CrossAttnUpBlock2D",) * deep + ("UpBlock2D",),
            block_out_channels=channels,
            layers_per_block=1,
            cross_attention_dim=words,
            attention_head_dim=4,
            norm_num_groups=16,
        )


def latents(vae: AutoencoderKL, data: Dataset, path: Path) -> NDArray[np.float16]:
    """Latents (n, 4, 16, 16) of every picture; kept in `path`, since encoding takes minutes."""
    import torch

    if path.exists():
        return np.load(path, allow_pickle=False)
    parts = []
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for rows in np.array_split(np.arange(len(data.pictures)), len(data.pictures) // 64 + 1):
            mean = vae.encode(tensor(data.pictures[rows])).latent_dist.mean
            parts.append((mean.float() * vae.config.scaling_factor).half().numpy())
    array = np.concatenate(parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array, allow_pickle=False)
    return array


def signal() -> Tensor:
    """Cumulative signal power (alpha bar) of the 1000 steps; the last is 0."""
    from diffusers import DDIMScheduler

    return DDIMScheduler(**SCHEDULE).alphas_cumprod


def timesteps(count: int, draw: Draw) -> Tensor:
    """One random step from each of `count` equal parts of 0..999: less noise in the loss."""
    import torch

    places = torch.arange(count) + torch.rand(count, generator=draw.torch)
    return (places * 1000 / count).long().clamp_(0, 999)


def noised(clean: Tensor, noise: Tensor, power: Tensor) -> tuple[Tensor, Tensor]:
    """(noisy latents, velocity to predict) at signal power `power`, one a picture."""
    alpha, sigma = power.sqrt().view(-1, 1, 1, 1), (1 - power).sqrt().view(-1, 1, 1, 1)
    return alpha * clean + sigma * noise, alpha * noise - sigma * clean


def weight(power: Tensor) -> Tensor:
    """Weight of the velocity error: 1, but less where there is more signal than `GAMMA`."""
    ratio = power / (1 - power).clamp_min(1e-6)
    return ((GAMMA + 1) / (ratio + 1)).clamp_max(1.0)


def simple_attention(unet: UNet2DConditionModel) -> None:
    """Train with plain matrix products: the fused kernel's backward is slow on a CPU."""
    from diffusers.models.attention_processor import AttnProcessor

    unet.set_attn_processor(AttnProcessor())


def train(
    data: Dataset, parts: Parts, folder: Path, plan: Plan, report: Report, batch: int = 32
) -> Parts:
    """Train from the last checkpoint in `folder`; returns `parts` with averaged weights."""
    import torch

    store = latents(parts.vae, data, folder.with_name(folder.name + "-latents.npy"))
    texts, power = Texts(data, parts.tokenizer), signal()
    unsaid = torch.from_numpy(texts.encode([""]))
    simple_attention(parts.unet)

    def loss(step: int, draw: Draw) -> Tensor:
        rows = np.sort(draw.numpy.integers(data.held_out, len(store), batch))
        draw.numpy.shuffle(rows)
        clean = torch.from_numpy(store[rows].astype(np.float32))
        ids = torch.from_numpy(texts.of_pictures(rows, draw.numpy))
        ids[torch.rand(batch, generator=draw.torch) < UNSAID] = unsaid
        at = timesteps(batch, draw)
        noise = torch.randn(clean.shape, generator=draw.torch)
        noisy, velocity = noised(clean, noise, power[at])
        with torch.autocast("cpu", torch.bfloat16):
            words = parts.text_encoder(ids)[0]
            guess = parts.unet(noisy, at, words, return_dict=False)[0].float()
        error = (guess - velocity).pow(2).mean((1, 2, 3))
        return (error * weight(power[at])).mean()

    run = Run({"unet": parts.unet, "text_encoder": parts.text_encoder}, plan, folder)
    fit(run, loss, report)
    return parts


def scheduler(name: str = "unipc") -> Any:
    """A few-step scheduler for the schedule the model was trained on."""
    from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, UniPCMultistepScheduler

    if name == "ddim":
        return DDIMScheduler(**SCHEDULE, clip_sample=False, set_alpha_to_one=True)
    if name == "dpm++":
        return DPMSolverMultistepScheduler(**SCHEDULE)
    return UniPCMultistepScheduler(**SCHEDULE)


def pipeline(parts: Parts, name: str = "unipc") -> StableDiffusionPipeline:
    """The parts as diffusers' standard pipeline."""
    from diffusers import StableDiffusionPipeline

    pipe = StableDiffusionPipeline(
        vae=parts.vae,
        text_encoder=parts.text_encoder,
        tokenizer=parts.tokenizer,
        unet=parts.unet,
        scheduler=scheduler(name),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def draw_prompts(
    parts: Parts, prompts: list[str], seeds: range, steps: int = 8, guidance: float = 3.0,
    name: str = "unipc",
) -> NDArray[np.float32]:  # fmt: skip
    """Pictures of each prompt (rows) and seed (columns): (prompts, seeds, 64, 64, 3) in 0..1."""
    import torch

    pipe = pipeline(parts, name)
    rows = []
    with torch.no_grad():
        for prompt in prompts:
            dice = [torch.Generator().manual_seed(seed) for seed in seeds]
            rows.append(
                pipe(
                    prompt,
                    num_inference_steps=steps,
                    guidance_scale=guidance,
                    num_images_per_prompt=len(seeds),
                    generator=dice,
                    output_type="np",
                ).images
            )
    return np.stack(rows)


def velocity_error(data: Dataset, parts: Parts, count: int = 256, seed: int = 1) -> float:
    """Mean squared velocity error on held-out pictures, the same noise every time."""
    import torch

    from .loop import draw as dice

    rows = np.arange(min(count, data.held_out))
    texts, power = Texts(data, parts.tokenizer), signal()
    total = 0.0
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for part in np.array_split(rows, len(rows) // 64 + 1):
            roll = dice(seed, int(part[0]))
            clean = parts.vae.encode(tensor(data.pictures[part])).latent_dist.mean.float()
            ids = texts.encode([data.rows["captions"][row][0] for row in part])
            at = timesteps(len(part), roll)
            noise = torch.randn(clean.shape, generator=roll.torch)
            noisy, velocity = noised(clean, noise, power[at])
            words = parts.text_encoder(torch.from_numpy(ids))[0]
            guess = parts.unet(noisy, at, words, return_dict=False)[0].float()
            total += float((guess - velocity).pow(2).mean()) * len(part)
    return total / len(rows)
