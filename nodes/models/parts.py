"""The parts of a loaded model, each its own socket: live modules with what is known of them.

A part is never changed once it has left its node: a LoRA makes a new part that shares the weights.
Moving weights between devices is no change, since their values stay.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ...graph.errors import NodeError


def weigh(*nets: Any) -> int:
    """Bytes of all parameters and buffers, each tensor once."""
    tensors = {id(t): t for net in nets for t in (*net.parameters(), *net.buffers())}
    return sum(t.nbytes for t in tensors.values())


def on(net: Any, device: str) -> Any:
    """The module on `device` ("cpu", "cuda", "cuda:1"); moved there if it isn't yet."""
    import torch

    want, first = torch.device(device), next(net.parameters(), None)
    have = want if first is None else first.device
    if have.type != want.type or want.index not in (None, have.index):
        net.to(want)
    return net


@dataclass(frozen=True, eq=False)
class TextEncoder:
    """A model's text encoders and their tokenizers, in the order its family wants them."""

    family: Any
    nets: tuple[Any, ...]
    tokenizers: tuple[Any, ...]
    space: str
    """Whose conditioning comes out, such as "sd-768": family and width."""
    device: str = "cpu"
    loras: tuple[tuple[str, float], ...] = ()

    @property
    def nbytes(self) -> int:
        """Bytes of weights."""
        return weigh(*self.nets)


@dataclass(frozen=True, eq=False)
class Denoiser:
    """The network that predicts the noise (or velocity) in latents."""

    family: Any
    net: Any
    space: str
    """Whose latents go in, such as "sd" or "sdxl"."""
    text_space: str
    channels: int
    factor: int
    """Pixels a latent, along a side: 8 for Stable Diffusion."""
    native: tuple[int, int]
    """Width and height in pixels that it was trained on."""
    options: dict[str, Any] = field(default_factory=dict)
    """What the pipeline's own configuration says, such as `requires_aesthetics_score`."""
    device: str = "cpu"
    loras: tuple[tuple[str, float], ...] = ()

    @property
    def nbytes(self) -> int:
        """Bytes of weights."""
        return weigh(self.net)

    @property
    def dtype(self) -> Any:
        """The torch dtype it computes in."""
        return self.net.dtype


@dataclass(frozen=True, eq=False)
class Vae:
    """The autoencoder between pixels and latents."""

    net: Any
    space: str
    channels: int
    factor: int
    dtype: Any
    """The dtype of the latents it makes; its own weights may be wider where float16 overflows."""
    device: str = "cpu"

    @property
    def nbytes(self) -> int:
        """Bytes of weights."""
        return weigh(self.net)


@dataclass(frozen=True, eq=False)
class Scheduler:
    """A recipe for a scheduler; each run makes its own instance, since instances keep state.

    `config` is the model's `scheduler_config.json`, `fixes` what its pipeline corrects in it;
    `name` and `over` are the class and settings that were chosen instead, if any.
    """

    config: dict[str, Any]
    fixes: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    over: dict[str, Any] = field(default_factory=dict)


def same_space(got: str, wanted: str, what: str, whom: str, socket: str) -> None:
    """Raise NodeError, before any arithmetic, if a value belongs to another model's space."""
    if got != wanted:
        raise NodeError(
            f"{what} of {got!r} came; {whom} wants {wanted!r}. Take both from the same "
            "models.load, or from models of one family",
            socket,
        )
