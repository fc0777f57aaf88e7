"""Models: where they come from, how they are loaded safely, and what their parts are."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from ...graph.context import Context
from ...graph.errors import NodeError
from ...graph.node import node
from ...graph.socket import Socket
from ...graph.widgets import Choice
from ...plugins import hookimpl
from . import source
from .folder import Loaded, Options, load_folder
from .identity import identity
from .lora import lora
from .parts import Denoiser, Scheduler, TextEncoder, Vae
from .source import Found

DType = Literal["auto", "float32", "float16", "bfloat16"]
Device = Literal["auto", "cpu"]


@node(lane="gpu")
def load(
    ctx: Context,
    model: Annotated[str, Choice(compute=source.names, free=True)],
    dtype: DType = "auto",
    device: Device = "auto",
    variant: str = "",
    revision: str = "",
    config: str = "",
) -> Loaded:
    """Load a model.

    Load a diffusion model by name: one that came with lovebird, a folder or .safetensors file in
    models/, or one on the Hugging Face hub (`owner/model`). Gives its parts: the denoiser, the
    text encoder, the VAE and the scheduler. `dtype` "auto" is float16 on a GPU, float32 on a CPU;
    `variant` such as fp16 takes smaller files where there are any; `revision` pins a commit;
    `config` names the model that a lone checkpoint takes its configuration from. Only safetensors
    are read, and no code that comes with a model is ever run.
    """
    options = _options(ctx, dtype, device, variant)
    found = source.get(model, ctx.roots, ctx.hooks, revision, variant, _progress(ctx))
    if found.path.is_dir():
        return load_folder(found.path, model, options)
    from .checkpoint import load_checkpoint

    return load_checkpoint(found.path, _config(ctx, found, config).path, options)


@load.changed
def _identity(
    ctx: Context, model: str, dtype: str, revision: str, variant: str, config: str
) -> Any:
    """What the model is made of, and the dtype that "auto" stands for: they are in the key."""
    found = source.get(model, ctx.roots, ctx.hooks, revision, variant, _progress(ctx))
    parts = [identity(found), _dtype_name(ctx.device, dtype)]
    if config:
        parts.append(identity(source.get(config, ctx.roots, ctx.hooks)))
    return parts


def _progress(ctx: Context) -> source.Progress:
    def report(done: int, of: int) -> None:
        ctx.progress(done, of)

    return report


def _config(ctx: Context, found: Found, config: str) -> Found:
    """The folder with the configurations of a lone checkpoint."""
    from .checkpoint import default_config
    from .safe import check_weights

    header = check_weights(found.path)
    name = config or default_config(header)
    if there := source.find(name, ctx.roots, ctx.hooks):
        if not there.path.is_dir():
            raise NodeError(f"{name} is a lone file too; name a folder or a hub model", "config")
        return there
    try:
        return source.pull(name, configs_only=True)
    except NodeError as e:
        raise NodeError(
            f"{found.path.name} has weights only and takes its configuration from {name!r}, which "
            f"is not here: {e}. Or name another model of this architecture in `config`",
            "config",
        ) from None


def _dtype_name(device: str, dtype: str) -> str:
    if dtype != "auto":
        return dtype
    return "float32" if device == "cpu" else "float16"


def _options(ctx: Context, dtype: str, device: str, variant: str) -> Options:
    import torch

    place = ctx.device if device == "auto" else device
    if variant and not variant.isalnum():
        raise NodeError(f"the variant {variant!r} should be a word such as 'fp16'", "variant")
    return Options(getattr(torch, _dtype_name(place, dtype)), place, variant)


@hookimpl
def register_nodes() -> list[Any]:
    """The nodes of this package."""
    return [load, lora]


@hookimpl
def register_sockets() -> list[Socket]:
    """The parts of models; live ones are never stored."""
    return [
        Socket(Denoiser, "#b388eb", saved=False),
        Socket(TextEncoder, "#e8d26f", saved=False),
        Socket(Vae, "#eb7a77", saved=False),
        Socket(Scheduler, "#8fb8a8"),
    ]
