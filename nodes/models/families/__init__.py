"""Families of models: one small adapter each, so that no node asks which family it has.

An adapter knows the parts of its pipelines, how a prompt becomes conditioning, and what the
denoiser is called with. The rest (loops, guidance, noise, schedulers, VAE) is common.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ....graph.types import Conditioning, Tensor
from ..parts import Denoiser, TextEncoder


@dataclass(frozen=True)
class Conditions:
    """What a denoiser is given at every step beside latents and time."""

    kwargs: dict[str, Any]
    paired: bool
    """Two halves: without the prompt, then with it, for classifier-free guidance."""


class Family(Protocol):
    """What the nodes ask of a family."""

    name: str
    pipelines: tuple[str, ...]
    """The values of `_class_name` in model_index.json that it answers for."""
    denoiser: str
    """The component that denoises: "unet" or "transformer"."""
    encoders: tuple[tuple[str, str], ...]
    """Components (text encoder, tokenizer) in the order that `hidden` and `join` count them."""
    classes: Mapping[str, tuple[str, ...]]
    """The only classes that each component may have, as "library.Class"."""
    schedulers: Mapping[str, tuple[str, Mapping[str, Any]]]
    """Methods by the name a person knows: scheduler class and what it changes of the config."""

    scheduler_fixes: Mapping[str, Any]
    """Settings that old scheduler configurations have wrong, as the pipeline corrects them."""

    lora_loader: str
    """The class in diffusers.loaders that reads this family's LoRA files."""

    def space(self, channels: int, factor: int) -> str:
        """The name of the latent space."""
        ...

    def text_space(self, width: int) -> str:
        """The name of the conditioning's space, for a cross-attention `width`."""
        ...

    def native(self, config: Mapping[str, Any], factor: int) -> tuple[int, int]:
        """Width and height in pixels that the denoiser was trained on."""
        ...

    def hidden(
        self, encoder: TextEncoder, index: int, ids: Tensor, mask: Tensor | None, skip: int
    ) -> tuple[Tensor, Tensor | None]:
        """Run encoder `index` on token ids (n, tokens): states (n, tokens, width), pooled."""
        ...

    def join(
        self, encoder: TextEncoder, states: Sequence[Tensor], pooled: Sequence[Tensor | None]
    ) -> Conditioning:
        """Make one conditioning of what all encoders gave."""
        ...

    def without(self, denoiser: Denoiser, positive: Conditioning) -> Conditioning | None:
        """The conditioning of no prompt, if the family can make it without its encoder."""
        ...

    def condition(
        self,
        denoiser: Denoiser,
        positive: Conditioning,
        negative: Conditioning | None,
        latents: Tensor,
        guidance: float,
    ) -> Conditions:
        """What to give the denoiser at every step; `negative` None means no guidance."""
        ...

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, given: Conditions) -> Tensor:
        """Run the denoiser once."""
        ...


def families() -> tuple[Family, ...]:
    """All adapters."""
    from .sd import StableDiffusion
    from .sdxl import StableDiffusionXL

    return (StableDiffusion(), StableDiffusionXL())


def of_pipeline(name: str) -> Family | None:
    """The adapter for a pipeline class, or None."""
    return next((f for f in families() if name in f.pipelines), None)
