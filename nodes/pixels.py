"""Helpers on arrays of pixels: float32 (n, height, width, channels), 0 to 1."""

from __future__ import annotations

import numpy as np

from ..graph.errors import NodeError

RESAMPLE = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}
"""Pillow's resampling filters by name."""


def rgb(pixels: np.ndarray, background: float = 1.0) -> np.ndarray:
    """Three channels: grey is repeated, alpha is laid over a grey background (white)."""
    channels = pixels.shape[3]
    if channels == 1:
        return np.repeat(pixels, 3, axis=3)
    if channels == 4:
        alpha = pixels[..., 3:]
        return pixels[..., :3] * alpha + np.float32(background) * (1 - alpha)
    return pixels


def rgba(pixels: np.ndarray) -> np.ndarray:
    """Four channels, opaque if there was no alpha."""
    if pixels.shape[3] == 4:
        return pixels
    return np.concatenate([rgb(pixels), np.ones_like(pixels[..., :1])], axis=3)


def like(pixels: np.ndarray, channels: int) -> np.ndarray:
    """As many channels as asked: 3 or 4, or left alone for 1 of 1."""
    if pixels.shape[3] == channels:
        return pixels
    return rgba(pixels) if channels == 4 else rgb(pixels)


def to_bytes(pixels: np.ndarray) -> np.ndarray:
    """0 to 255, rounded to the nearest; raises NodeError for NaN and infinity."""
    if not np.isfinite(pixels).all():
        raise NodeError(
            "the picture has numbers that are not finite (NaN); what made it is at fault"
        )
    return (pixels.clip(0, 1) * 255).round().astype(np.uint8)


def from_bytes(data: np.ndarray) -> np.ndarray:
    """0 to 1, from 0 to 255."""
    return data.astype(np.float32) / 255.0


def resample(pixels: np.ndarray, width: int, height: int, method: str) -> np.ndarray:
    """Resize each channel in floating point, so that nothing is rounded to 256 levels.

    Alpha weighs the colours, lest what is transparent bleeds in at the edges.
    """
    from PIL import Image as Pil

    alpha = pixels[..., 3:] if pixels.shape[3] == 4 else None
    if alpha is not None:
        pixels = np.concatenate([pixels[..., :3] * alpha, alpha], axis=3)
    out = np.empty((len(pixels), height, width, pixels.shape[3]), np.float32)
    for n, picture in enumerate(pixels):
        for c in range(pixels.shape[3]):
            plane = Pil.fromarray(np.ascontiguousarray(picture[..., c], np.float32))
            out[n, ..., c] = np.asarray(
                plane.resize((width, height), Pil.Resampling(RESAMPLE[method]))
            )
    out = out.clip(0, 1)
    if alpha is not None:
        out[..., :3] = (out[..., :3] / np.maximum(out[..., 3:], 1e-6)).clip(0, 1)
    return out


def colour(text: str) -> np.ndarray:
    """`#rrggbb` or `#rrggbbaa` as four numbers from 0 to 1."""
    digits = text.removeprefix("#").ljust(8, "f")
    return np.array([int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4, 6)], np.float32)
