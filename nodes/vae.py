"""Between pixels and latents."""

from __future__ import annotations

import copy
from typing import Annotated, Any, Literal

import numpy as np

from ..graph.context import Context
from ..graph.errors import NodeError
from ..graph.node import node
from ..graph.types import Image, Latents, Tensor
from ..graph.widgets import Seed, Slider
from ..plugins import hookimpl
from .diffusion.memory import check_finite, thrifty
from .diffusion.noise import generators
from .models.parts import Vae, on, same_space
from .pixels import rgb

REMEDY = "load the model in float32 or bfloat16"


def scaled(vae: Vae, latents: Tensor) -> Tensor:
    """From the encoder's latents to those a denoiser wants."""
    config = vae.net.config
    if (stats := _statistics(vae, latents)) is not None:
        return (latents - stats[0]) * config.scaling_factor / stats[1]
    if shift := config.get("shift_factor"):
        return (latents - shift) * config.scaling_factor
    return config.scaling_factor * latents


def unscaled(vae: Vae, latents: Tensor) -> Tensor:
    """From a denoiser's latents to those the decoder wants."""
    config = vae.net.config
    if (stats := _statistics(vae, latents)) is not None:
        return latents * stats[1] / config.scaling_factor + stats[0]
    if shift := config.get("shift_factor"):
        return latents / config.scaling_factor + shift
    return latents / config.scaling_factor


def _statistics(vae: Vae, latents: Tensor) -> tuple[Tensor, Tensor] | None:
    import torch

    mean, std = (vae.net.config.get(k) for k in ("latents_mean", "latents_std"))
    if mean is None or std is None:
        return None
    mean, std = (torch.tensor(s).view(1, -1, 1, 1).to(latents) for s in (mean, std))
    return mean, std


def tiled(net: Any, tile: int) -> Any:
    """The same module set to work on tiles of `tile` pixels; the given one stays as it is."""
    if not hasattr(net, "tile_latent_min_size"):
        raise NodeError(f"{type(net).__name__} can't work in tiles: set tile to 0", "tile")
    net = copy.copy(net)
    net.use_tiling, net.tile_sample_min_size = True, tile
    net.tile_latent_min_size = max(tile // 2 ** (len(net.config.block_out_channels) - 1), 1)
    return net


@node(lane="gpu")
def decode(
    ctx: Context,
    vae: Vae,
    latents: Latents,
    tile: Annotated[int, Slider(0, 4096, 64)] = 0,
    batch: Annotated[int, Slider(0, 256)] = 0,
) -> Image:
    """Decode latents.

    Make pictures of latents. `tile` decodes in tiles of that many pixels, `batch` that many
    pictures at once, which takes less memory; 0 is all at once, and smaller by itself if memory
    runs out.
    """
    same_space(latents.space, vae.space, "latents", "this VAE", "latents")
    net = on(vae.net, vae.device)
    samples = latents.samples.to(net.device, vae.dtype)

    def way(count: int, side: int) -> np.ndarray:
        worker = tiled(net, side) if side else net
        parts = samples.split(count or len(samples))
        return np.concatenate([_decode(vae, worker, part) for part in parts])

    ways = [("as set", lambda: way(batch, tile))]
    if len(samples) > 1 and batch != 1:
        ways.append(("one picture at a time", lambda: way(1, tile)))
    if hasattr(net, "tile_latent_min_size"):
        ways += [(f"in tiles of {t} pixels", lambda t=t: way(1, t)) for t in (512, 256)]
    return Image(thrifty(ctx, "decoding", ways))


def _decode(vae: Vae, net: Any, samples: Tensor) -> np.ndarray:
    """Pixels (n, height, width, channels) in 0 to 1."""
    import torch

    with torch.no_grad():
        raw = unscaled(vae, samples.to(next(net.parameters()).dtype))
        pixels = net.decode(raw, return_dict=False)[0]
    check_finite(pixels, "decoding", REMEDY)
    pixels = (pixels * 0.5 + 0.5).clamp(0, 1)
    return pixels.cpu().permute(0, 2, 3, 1).float().numpy()


@node(lane="gpu")
def encode(
    ctx: Context,
    vae: Vae,
    image: Image,
    draw: Literal["mean", "sample"] = "mean",
    seed: Annotated[int, Seed()] = 0,
    tile: Annotated[int, Slider(0, 4096, 64)] = 0,
) -> Latents:
    """Encode pictures.

    Make latents of pictures, to start sampling from. The encoder gives a distribution: `draw`
    takes its mean, or a sample by the seed as diffusers' pipelines do. Sides that are no multiple
    of what the model needs are cropped at the centre.
    """
    import torch

    pixels = _cropped(ctx, rgb(image.pixels), vae.factor)
    net = on(vae.net, vae.device)
    # Channels stay last in memory, as in the pipelines: other kernels round otherwise.
    batch = 2.0 * torch.from_numpy(np.array(pixels, np.float32).transpose(0, 3, 1, 2)) - 1.0
    rngs = generators(seed, len(batch))

    def way(side: int) -> Tensor:
        worker = tiled(net, side) if side else net
        with torch.no_grad():
            rows = [_encode(worker, row, rngs[i], draw) for i, row in enumerate(batch.split(1))]
        return torch.cat(rows)

    ways = [("one picture at a time", lambda: way(tile))]
    if hasattr(net, "tile_latent_min_size"):
        ways += [(f"in tiles of {t} pixels", lambda t=t: way(t)) for t in (512, 256)]
    found = scaled(vae, thrifty(ctx, "encoding", ways).to(vae.dtype))
    check_finite(found, "encoding", REMEDY)
    return Latents(found, vae.space)


def _encode(net: Any, pixels: Tensor, rng: Any, draw: str) -> Tensor:
    """Latents of one picture, not yet scaled."""
    weights = next(net.parameters())
    out = net.encode(pixels.to(weights.device, weights.dtype))
    found = getattr(out, "latent_dist", None)
    if found is None:  # an autoencoder without a distribution
        return out.latents
    rng.manual_seed(rng.initial_seed())  # another attempt draws the same
    return found.mode() if draw == "mean" else found.sample(rng)


def _cropped(ctx: Context, pixels: np.ndarray, factor: int) -> np.ndarray:
    height, width = pixels.shape[1:3]
    rows, columns = height % factor, width % factor
    if height < factor or width < factor:
        raise NodeError(f"a picture of {width}x{height} came; {factor}x{factor} is the least")
    if rows or columns:
        new = f"{width - columns}x{height - rows}"
        ctx.log(f"cropped from {width}x{height} to {new}, multiples of {factor}")
    top, left = rows // 2, columns // 2
    return pixels[:, top : height - (rows - top), left : width - (columns - left)]


@hookimpl
def register_nodes() -> list[Any]:
    """The nodes of this module."""
    return [decode, encode]
