"""Noise: drawn on the CPU, so that a seed means the same picture on any device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...graph.types import Tensor


def generators(seed: int, count: int) -> list[Any]:
    """One CPU generator an image: image i of a batch has the noise of the seed + i."""
    import torch

    return [torch.Generator("cpu").manual_seed((seed + i) % 2**64) for i in range(count)]


def draw(shape: Sequence[int], rngs: list[Any], dtype: Any, device: Any) -> Tensor:
    """Standard normal numbers (n, ...), row i from generator i, in float32, then cast and moved.

    Drawn in float32 whatever the model computes in: half precision draws other numbers.
    """
    import torch

    rows = [torch.randn((1, *shape[1:]), generator=g, dtype=torch.float32) for g in rngs]
    noise = rows[0] if len(rows) == 1 else torch.cat(rows)
    return noise.to(device=device, dtype=dtype)


def for_steps(rngs: list[Any]) -> Any:
    """The generators as a scheduler's `step` takes them: alone if there is one."""
    return rngs[0] if len(rngs) == 1 else rngs
