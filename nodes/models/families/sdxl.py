"""Stable Diffusion XL, base and refiner: one or two CLIP encoders, sizes as conditioning.

Podell et al., SDXL: Improving Latent Diffusion Models for High-Resolution Image Synthesis,
https://arxiv.org/abs/2307.01952
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ....graph.errors import NodeError
from ....graph.types import Conditioning, Tensor
from ...diffusion.schedulers import DIFFUSION, Table
from ..parts import Denoiser, TextEncoder
from . import Conditions
from .unet import guidance_embedding

AESTHETIC = (2.5, 6.0)
"""The refiner's scores for what to avoid and what to make."""


class StableDiffusionXL:
    """The adapter; see `Family`."""

    name = "sdxl"
    pipelines: tuple[str, ...] = ("StableDiffusionXLPipeline", "StableDiffusionXLImg2ImgPipeline")
    denoiser = "unet"
    encoders: tuple[tuple[str, str], ...] = (
        ("text_encoder", "tokenizer"),
        ("text_encoder_2", "tokenizer_2"),
    )
    classes: Mapping[str, tuple[str, ...]] = {
        "text_encoder": ("transformers.CLIPTextModel",),
        "text_encoder_2": ("transformers.CLIPTextModelWithProjection",),
        "tokenizer": ("transformers.CLIPTokenizer", "transformers.CLIPTokenizerFast"),
        "tokenizer_2": ("transformers.CLIPTokenizer", "transformers.CLIPTokenizerFast"),
        "unet": ("diffusers.UNet2DConditionModel",),
        "vae": ("diffusers.AutoencoderKL", "diffusers.AutoencoderTiny"),
    }
    schedulers: Table = DIFFUSION
    lora_loader = "StableDiffusionXLLoraLoaderMixin"
    scheduler_fixes: Mapping[str, Any] = {}

    def space(self, channels: int, factor: int) -> str:
        """`sdxl` for the usual VAE, of base and refiner alike."""
        return self.name if (channels, factor) == (4, 8) else f"{self.name}-{channels}x{factor}"

    def text_space(self, width: int) -> str:
        """`sdxl-2048` for the base model, `sdxl-1280` for the refiner."""
        return f"{self.name}-{width}"

    def native(self, config: Mapping[str, Any], factor: int) -> tuple[int, int]:
        """From the U-Net's sample size."""
        return config["sample_size"] * factor, config["sample_size"] * factor

    def hidden(
        self, encoder: TextEncoder, index: int, ids: Tensor, mask: Tensor | None, skip: int
    ) -> tuple[Tensor, Tensor | None]:
        """The states before the last layer (or `skip` layers earlier), without a norm."""
        out = encoder.nets[index](ids, attention_mask=mask, output_hidden_states=True)
        pooled = out[0] if out[0].ndim == 2 else None
        return out.hidden_states[-(skip + 2)], pooled

    def join(
        self, encoder: TextEncoder, states: Sequence[Tensor], pooled: Sequence[Tensor | None]
    ) -> Conditioning:
        """States side by side; the pooled vector of the encoder that has a projection."""
        import torch

        vector = next(p for p in pooled if p is not None)
        embeds = torch.cat(list(states), dim=-1).to(encoder.nets[-1].dtype)
        return Conditioning(embeds, encoder.space, vector)

    def without(self, denoiser: Denoiser, positive: Conditioning) -> Conditioning | None:
        """Zeros, for models trained with them (the base model, not the refiner)."""
        import torch

        if positive.pooled is None or not denoiser.options.get(
            "force_zeros_for_empty_prompt", True
        ):
            return None
        zeros, pooled = torch.zeros_like(positive.embeds), torch.zeros_like(positive.pooled)
        return replace(positive, embeds=zeros, pooled=pooled)

    def condition(
        self,
        denoiser: Denoiser,
        positive: Conditioning,
        negative: Conditioning | None,
        latents: Tensor,
        guidance: float,
    ) -> Conditions:
        """Cross-attention states, the pooled vector, and sizes (and the refiner's score)."""
        import torch

        embedding = guidance_embedding(denoiser, guidance, latents)
        paired = negative is not None and guidance > 1 and embedding is None
        sides = [negative, positive] if paired and negative else [positive]
        ids = [time_ids(denoiser, side, latents, side is positive) for side in sides]
        added = {"text_embeds": _stack([s.pooled for s in sides]), "time_ids": torch.cat(ids)}
        states = _stack([s.embeds for s in sides])
        given = {"encoder_hidden_states": states, "timestep_cond": embedding}
        return Conditions(given | {"added_cond_kwargs": added}, paired)

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, given: Conditions) -> Tensor:
        """The U-Net's output, in what its scheduler calls the prediction type."""
        return denoiser.net(latents, t, return_dict=False, **given.kwargs)[0]


def _stack(tensors: Sequence[Tensor | None]) -> Tensor:
    import torch

    if any(t is None for t in tensors):
        raise NodeError(
            "the conditioning has no pooled vector: encode it with this model's encoder"
        )
    return tensors[0] if len(tensors) == 1 else torch.cat([t for t in tensors if t is not None])


def time_ids(denoiser: Denoiser, side: Conditioning, latents: Tensor, wanted: bool) -> Tensor:
    """Original size, crop and target size (or score), (n, 5 or 6), as the model was trained.

    Taken from the conditioning's `extra` ("size", "crop", "target" as [height, width] and
    "aesthetic"), else from the size of the latents.
    """
    import torch

    height, width = (s * denoiser.factor for s in latents.shape[-2:])
    size = side.extra.get("size", [height, width])
    crop = side.extra.get("crop", [0, 0])
    if denoiser.options.get("requires_aesthetics_score"):
        values = [*size, *crop, side.extra.get("aesthetic", AESTHETIC[wanted])]
    else:
        values = [*size, *crop, *side.extra.get("target", [height, width])]
    _check_width(denoiser, len(values), side)
    ids = torch.tensor([values], dtype=side.embeds.dtype, device=latents.device)
    return ids.repeat(len(latents), 1)


def _check_width(denoiser: Denoiser, values: int, side: Conditioning) -> None:
    if side.pooled is None:
        return
    given = denoiser.net.config.addition_time_embed_dim * values + side.pooled.shape[-1]
    wanted = denoiser.net.add_embedding.linear_1.in_features
    if given != wanted:
        raise NodeError(
            f"the model adds a vector of {wanted} numbers to the time embedding; pooled text and "
            f"{values} sizes make {given}. Its model_index.json and U-Net don't fit together"
        )
