"""LoRA: small changes to a model's weights, kept in a file of their own.

Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, https://arxiv.org/abs/2106.09685
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from ...graph.context import Context
from ...graph.errors import NodeError, did_you_mean
from ...graph.node import node
from ...graph.roots import Roots, inside
from ...graph.widgets import Choice, Slider
from .folder import settle
from .identity import sha256
from .parts import Denoiser, TextEncoder
from .safe import check_weights

FOLDERS = ("loras/", "")
SUFFIX = ".safetensors"


def names(roots: Roots | None = None) -> list[str]:
    """The LoRA files in models/loras/."""
    folders = [root / "loras" for root in (roots or Roots()).models]
    paths = [p.relative_to(f).as_posix() for f in folders for p in f.rglob(f"*{SUFFIX}")]
    return sorted({p.removesuffix(SUFFIX) for p in paths})


def find(name: str, roots: Roots) -> Path:
    """The LoRA file called `name` in models/loras/ or models/; raises NodeError."""
    for root in roots.models:
        for folder in FOLDERS:
            for path in (inside(root, folder + name), inside(root, f"{folder}{name}{SUFFIX}")):
                if path.is_file():
                    return path
    known = names(roots)
    hint = did_you_mean(name, known) or f"; there are: {', '.join(known[:20]) or 'none'}"
    raise NodeError(f"there is no LoRA {name!r}{hint}. Put it into models/loras/", "file")


class WithLora(NamedTuple):
    """The parts that a LoRA changes."""

    model: Denoiser
    text_encoder: TextEncoder


@node(id="models.lora", lane="gpu")
def lora(
    ctx: Context,
    model: Denoiser,
    text_encoder: TextEncoder,
    file: Annotated[str, Choice(compute=names, free=True)],
    strength: Annotated[float, Slider(-4, 4, 0.05)] = 1.0,
    text_strength: Annotated[float, Slider(-4, 4, 0.05)] = 1.0,
) -> WithLora:
    """Add a LoRA.

    Change a model by a LoRA from models/loras/ (.safetensors), and the text encoder too if the
    file says so. Strength 0 is without it, 1 as it was trained; several may follow one another.
    The model itself stays as it is: both versions share its weights.
    """
    from safetensors.torch import load_file

    path = find(file, ctx.roots)
    check_weights(path)
    mixin = _loader(model)
    try:
        state, alphas, metadata = mixin.lora_state_dict(
            load_file(path), unet_config=model.net.config, return_lora_metadata=True
        )
    except Exception as e:
        raise NodeError(f"{path.name} can't be read as a LoRA: {e}", "file") from e
    _check_keys(state, path.name, model)
    given = {"network_alphas": alphas, "metadata": metadata}
    changed = _denoiser(mixin, state, given, model, strength)
    encoders = _encoders(mixin, state, given, text_encoder, text_strength)
    return WithLora(changed, encoders)


@lora.changed
def _identity(ctx: Context, file: str) -> str:
    """What the file holds."""
    return sha256(find(file, ctx.roots))


def _loader(model: Denoiser) -> Any:
    """The class of diffusers' that knows this family's LoRA files."""
    from diffusers import loaders

    return getattr(loaders, model.family.lora_loader)


def _check_keys(state: Iterable[str], name: str, model: Denoiser) -> None:
    keys = list(state)
    ours = (f"{model.family.denoiser}.", "text_encoder.", "text_encoder_2.")
    if not keys or not all("lora" in k.lower() or "lokr" in k for k in keys):
        raise NodeError(f"{name} is no LoRA: its tensors are not named as one's", "file")
    if not any(k.startswith(ours) for k in keys):
        raise NodeError(
            f"{name} changes nothing of a {model.family.name} model: it is for another family",
            "file",
        )


def shared_copy(net: Any) -> Any:
    """A module of its own with the very same weight tensors: changing its layers is safe."""
    tensors = (*net.parameters(), *net.buffers())
    return copy.deepcopy(net, {id(t): t for t in tensors})


def _denoiser(
    mixin: Any, state: dict[str, Any], given: dict[str, Any], model: Denoiser, strength: float
) -> Denoiser:
    if not strength or not any(k.startswith(f"{model.family.denoiser}.") for k in state):
        return model
    name, net = f"lora_{len(model.loras)}", shared_copy(model.net)
    try:
        mixin.load_lora_into_unet(dict(state), unet=net, adapter_name=name, **given)
    except (RuntimeError, ValueError) as e:
        raise NodeError(f"the LoRA does not fit this model: {str(e)[:300]}", "file") from e
    loras = (*model.loras, (name, strength))
    net.set_adapters([n for n, _ in loras], [s for _, s in loras])
    return replace(model, net=settle(net, model.device), loras=loras)


def _encoders(
    mixin: Any, state: dict[str, Any], given: dict[str, Any], part: TextEncoder, strength: float
) -> TextEncoder:
    from diffusers.loaders.lora_base import set_adapters_for_text_encoder

    prefixes = [prefix for prefix, _ in part.family.encoders][-len(part.nets) :]
    if not strength or not any(k.startswith(tuple(f"{p}." for p in prefixes)) for k in state):
        return part
    name = f"lora_{len(part.loras)}"
    loras = (*part.loras, (name, strength))
    nets = []
    for prefix, original in zip(prefixes, part.nets, strict=True):
        net = shared_copy(original)
        if any(k.startswith(f"{prefix}.") for k in state):
            mixin.load_lora_into_text_encoder(
                dict(state), text_encoder=net, prefix=prefix, adapter_name=name, **given
            )
            present = [(n, s) for n, s in loras if n in net.peft_config]
            set_adapters_for_text_encoder([n for n, _ in present], net, [s for _, s in present])
        nets.append(settle(net, part.device))
    return replace(part, nets=tuple(nets), loras=loras)
