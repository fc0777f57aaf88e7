"""Stable Diffusion 1.x and 2.x: one CLIP text encoder, a U-Net, four latent channels.

Rombach et al., High-Resolution Image Synthesis with Latent Diffusion Models,
https://arxiv.org/abs/2112.10752
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ....graph.types import Conditioning, Tensor
from ...diffusion.schedulers import DIFFUSION, Table
from ..parts import Denoiser, TextEncoder
from . import Conditions
from .unet import guidance_embedding


class StableDiffusion:
    """The adapter; see `Family`."""

    name = "sd"
    pipelines: tuple[str, ...] = (
        "StableDiffusionPipeline",
        "StableDiffusionImg2ImgPipeline",
        "LatentConsistencyModelPipeline",
        "LatentConsistencyModelImg2ImgPipeline",
    )
    denoiser = "unet"
    encoders: tuple[tuple[str, str], ...] = (("text_encoder", "tokenizer"),)
    classes: Mapping[str, tuple[str, ...]] = {
        "text_encoder": ("transformers.CLIPTextModel",),
        "tokenizer": ("transformers.CLIPTokenizer", "transformers.CLIPTokenizerFast"),
        "unet": ("diffusers.UNet2DConditionModel",),
        "vae": ("diffusers.AutoencoderKL", "diffusers.AutoencoderTiny"),
    }
    schedulers: Table = DIFFUSION
    lora_loader = "StableDiffusionLoraLoaderMixin"

    scheduler_fixes: Mapping[str, Any] = {"steps_offset": 1, "clip_sample": False}

    def space(self, channels: int, factor: int) -> str:
        """`sd` for the usual VAE."""
        return self.name if (channels, factor) == (4, 8) else f"{self.name}-{channels}x{factor}"

    def text_space(self, width: int) -> str:
        """`sd-768` for 1.x, `sd-1024` for 2.x."""
        return f"{self.name}-{width}"

    def native(self, config: Mapping[str, Any], factor: int) -> tuple[int, int]:
        """From the U-Net's sample size."""
        size = config["sample_size"]
        height, width = (size, size) if isinstance(size, int) else size
        return width * factor, height * factor

    def hidden(
        self, encoder: TextEncoder, index: int, ids: Tensor, mask: Tensor | None, skip: int
    ) -> tuple[Tensor, Tensor | None]:
        """The last layer's states, or those `skip` layers before it through the final norm."""
        net = encoder.nets[index]
        if not skip:
            return net(ids, attention_mask=mask)[0], None
        layers = net(ids, attention_mask=mask, output_hidden_states=True).hidden_states
        norm = getattr(net, "text_model", net).final_layer_norm
        return norm(layers[-(skip + 1)]), None

    def join(
        self, encoder: TextEncoder, states: Sequence[Tensor], pooled: Sequence[Tensor | None]
    ) -> Conditioning:
        """There is one encoder: its states are the conditioning."""
        return Conditioning(states[0].to(encoder.nets[0].dtype), encoder.space)

    def without(self, denoiser: Denoiser, positive: Conditioning) -> Conditioning | None:
        """None: it takes the encoder to say nothing."""
        return None

    def condition(
        self,
        denoiser: Denoiser,
        positive: Conditioning,
        negative: Conditioning | None,
        latents: Tensor,
        guidance: float,
    ) -> Conditions:
        """Cross-attention states; for distilled models the guidance scale as an embedding."""
        import torch

        embedding = guidance_embedding(denoiser, guidance, latents)
        paired = negative is not None and guidance > 1 and embedding is None
        embeds = [negative.embeds, positive.embeds] if paired and negative else [positive.embeds]
        states = torch.cat(embeds) if paired else embeds[0]
        return Conditions({"encoder_hidden_states": states, "timestep_cond": embedding}, paired)

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, given: Conditions) -> Tensor:
        """The U-Net's output, in what its scheduler calls the prediction type."""
        return denoiser.net(latents, t, return_dict=False, **given.kwargs)[0]
